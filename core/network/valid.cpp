#include "network/valid.h"

#include <cmath>

#include "base/check.h"

namespace fewfire {
namespace {

void check_bag(const Layer& bag) {
  require(bag.n_rows() == static_cast<int64_t>(bag.bias.size()) && bag.n_rows() > 0,
          "one bias per column of weights is wanted");
  require(bag.n_columns() > 0, "a bag needs an input");
  for (const float share : {bag.input_dropout, bag.dropout})
    require(share >= 0.0f && share < 1.0f, "dropout must be at least 0 and below 1");
}

void check_rows(const Layer& layer) {
  require(layer.n_rows() == static_cast<int64_t>(layer.bias.size()) && layer.n_rows() > 0,
          "one bias per row of weights is wanted");
  const Index* index = layer.gate ? layer.gate->index() : nullptr;
  require(index == nullptr || index->fits(layer.n_rows(), layer.n_columns()),
          "the gate's index was made for a layer of another shape");
}

}  // namespace

Layer checked(Layer layer) {
  if (layer.is_bag)
    check_bag(layer);
  else
    check_rows(layer);
  return layer;
}

Optimizer checked(Optimizer optimizer) {
  require(optimizer.l2_period >= 1, "l2_period must be at least 1");
  require(!optimizer.rowwise || (optimizer.rule != Rule::sgd && optimizer.rule != Rule::momentum),
          "sgd has no second moment for a row");
  return optimizer;
}

void check_inputs(const Model& model, const Inputs& inputs, std::span<const int64_t> ids) {
  require(inputs.n_columns() == model.layers.front().n_columns(),
          "inputs have another width than the first layer");
  check_ids(ids, inputs.n_rows(), "an example id is out of range");
}

void check_targets(const Model& model, const Targets& targets, int64_t n_examples) {
  require(targets.weights.empty() || static_cast<int64_t>(targets.weights.size()) == n_examples,
          "a weight for each example is wanted");
  const int64_t n_out = model.layers.back().n_rows();
  if (model.loss == Loss::squared) {
    require(targets.values.data != nullptr, "the squared loss wants ValueTargets");
    require(targets.values.rows == n_examples && targets.values.cols == n_out,
            "targets must have a row per example and a column per row of the last layer");
    return;
  }
  require(targets.has_labels(), "losses of labels want LabelTargets");
  require(targets.lists.size() == n_examples, "targets must have a row per example");
  for (const RowId label : targets.lists.indices)
    require(label < n_out, "a label is not below the number of output rows");
}

void check_k(const Model& model, int64_t k) {
  require(k >= 1 && k <= model.layers.back().n_rows(), "k must be in 1 .. rows of the last layer");
}

void check_state(const Layer& layer, size_t l, const Optimizer& optimizer, const OptimizerState& state) {
  const auto fits = [&](int64_t width, Matrix<float> moments, std::span<float> bias) {
    return moments.rows == layer.weights.rows && moments.cols == width && bias.size() == layer.bias.size();
  };
  require(static_cast<int64_t>(state.touched.size()) == layer.weights.rows,
          "touched must have one entry per row");
  const std::vector<int64_t> widths = optimizer.moment_widths(layer.weights.cols);
  require((widths.size() < 1 || fits(widths[0], state.first, state.first_bias)) &&
              (widths.size() < 2 || fits(widths[1], state.second, state.second_bias)),
          "the moments do not fit the layer or the optimizer");
  require(std::isfinite(state.pace) && state.pace > 0.0f, "the pace of a layer must be above 0");
  const Centre& centre = state.centre;
  if (!centre.is_on()) return;
  require(optimizer.rowwise && optimizer.rule != Rule::adam && !layer.is_bag && layer.trains_bias,
          "centred updates want one moment a row, rows of neurons, and biases that are trained");
  require(static_cast<int64_t>(centre.mean.size()) == layer.n_columns() &&
              static_cast<int64_t>(centre.owed.size()) == layer.n_rows() &&
              centre.n_owed.size() == centre.owed.size() && centre.stride.size() == centre.mean.size() &&
              (centre.scale.empty() || (l == 0 && centre.scale.size() == centre.mean.size())),
          "a mean input of each column is wanted, in the first layer perhaps its scale, and what each row "
          "owes");
}

void check_states(const Model& model, const Optimizer& optimizer, std::span<const OptimizerState> states) {
  require(states.size() == model.layers.size(), "one optimizer state per layer is wanted");
  for (size_t l = 0; l < states.size(); ++l) check_state(model.layers[l], l, optimizer, states[l]);
}

}  // namespace fewfire
