#include "network/stepper.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "network/valid.h"

namespace fewfire {
namespace {

Pool pool_of(const Workspace& space) { return Pool(static_cast<int>(space.threads.size())); }

Ledger taken_ledger(size_t l, Workspace& space) {
  Ledger sum;
  for (ThreadSpace& thread : space.threads) {
    sum += thread.ledgers[l];
    thread.ledgers[l] = {};
  }
  return sum;
}

// By row; each has a line of `width` values.
RowGradients sorted(const RowGradients& found, int64_t width) {
  std::vector<int64_t> order(found.rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](int64_t i) { return found.rows[i]; });
  RowGradients sorted;
  sorted.values.reserve(found.values.size());
  for (const int64_t i : order) {
    sorted.rows.push_back(found.rows[i]);
    if (!found.bias.empty()) sorted.bias.push_back(found.bias[i]);
    sorted.values.insert(sorted.values.end(), found.values.begin() + i * width,
                         found.values.begin() + (i + 1) * width);
  }
  return sorted;
}

}  // namespace

std::unique_ptr<Workspace> Shelf::take(const Model& model, int n_threads) {
  {
    const std::lock_guard lock(mutex_);
    if (!spaces_.empty()) {
      std::unique_ptr<Workspace> space = std::move(spaces_.back());
      spaces_.pop_back();
      return space;
    }
  }
  return std::make_unique<Workspace>(model, Mode::train, n_threads, false);
}

void Shelf::give_back(std::unique_ptr<Workspace> space) {
  const std::lock_guard lock(mutex_);
  spaces_.push_back(std::move(space));
}

OpenStep::OpenStep(const Model& model, std::shared_ptr<Shelf> shelf, std::unique_ptr<Workspace> space)
    : model_(model), shelf_(std::move(shelf)), space_(std::move(space)) {}

void OpenStep::check_layer(size_t l) const {
  require(has_gradients_, "there are no gradients before backward");
  require(l < model_.layers.size(), "there is no such layer");
}

void OpenStep::backward(std::span<const float> scales) {
  require(!has_gradients_, "a step goes backward once: go forward again");
  require(static_cast<int64_t>(scales.size()) == n_examples(), "a scale for each example is wanted");
  const Reading held(model_.turnstile.get());
  Pool pool = pool_of(*space_);
  space_->scales.assign(scales.begin(), scales.end());
  scale_gradients(*space_, pool);
  for (size_t l = model_.layers.size(); l-- > 0;) space_->kinds[l]->pass_down(model_, l, *space_, pool);
  has_gradients_ = true;
}

Matrix<const float> OpenStep::input_gradients() const {
  require(has_gradients_, "there are no gradients before backward");
  const Activity& given = space_->given;
  return {given.deltas.data(), given.full ? n_examples() : 0, model_.layers[0].n_columns()};
}

Ledger OpenStep::update(size_t l, const Optimizer& optimizer, const OptimizerState& state, float lr,
                        int64_t number) {
  check_layer(l);
  check_state(model_.layers[l], l, optimizer, state);
  const Reading held(model_.turnstile.get());
  Pool pool = pool_of(*space_);
  const LayerStep step = layer_step(model_, l, optimizer, state, lr, number);
  look_at_inputs(step, *space_, pool);
  space_->kinds[l]->update(step, *space_, pool);
  return taken_ledger(l, *space_);
}

RowGradients OpenStep::gradients(size_t l) {
  check_layer(l);
  const Reading held(model_.turnstile.get());
  Pool pool = pool_of(*space_);
  std::vector<RowGradients> sink(space_->threads.size());
  const Optimizer none;
  const OptimizerState no_state;
  LayerStep step = layer_step(model_, l, none, no_state, 0.0f, 1);
  step.sink = &sink;
  space_->kinds[l]->update(step, *space_, pool);
  RowGradients all = std::move(sink[0]);
  for (size_t thread = 1; thread < sink.size(); ++thread) {
    all.rows.insert(all.rows.end(), sink[thread].rows.begin(), sink[thread].rows.end());
    all.values.insert(all.values.end(), sink[thread].values.begin(), sink[thread].values.end());
    all.bias.insert(all.bias.end(), sink[thread].bias.begin(), sink[thread].bias.end());
  }
  std::vector<float> bias_of_bag;
  if (model_.layers[l].is_bag) bias_of_bag.swap(all.bias);
  RowGradients found = sorted(all, model_.layers[l].weights.cols);
  if (model_.layers[l].is_bag) found.bias.swap(bias_of_bag);
  return found;
}

Stepper::Stepper(const Model& model, int n_threads) : model_(model), n_threads_(threads_of(n_threads)) {}

std::unique_ptr<OpenStep> Stepper::forward(const Inputs& inputs, const Targets& targets,
                                           std::span<const int64_t> ids, uint64_t draw) {
  check_inputs(model_, inputs, ids);
  check_targets(model_, targets, inputs.n_rows());
  const Reading held(model_.turnstile.get());
  auto step = std::make_unique<OpenStep>(model_, shelf_, shelf_->take(model_, n_threads_));
  Workspace& space = step->space();
  Pool pool = pool_of(space);
  fewfire::forward(model_, inputs, targets, ids, draw, space, pool);
  compute_losses(model_, targets, ids, space, pool);
  return step;
}

Ledger Stepper::learn(size_t l, const Optimizer& optimizer, const OptimizerState& state, float lr,
                      int64_t number, std::span<const RowId> rows, Matrix<const float> values,
                      std::span<const float> bias) {
  require(l < model_.layers.size(), "there is no such layer");
  const Layer& layer = model_.layers[l];
  check_state(layer, l, optimizer, state);
  require(!state.centre.is_on(), "centred updates want the inputs that gradients come from");
  require(values.rows == static_cast<int64_t>(rows.size()) && values.cols == layer.weights.cols,
          "a gradient for each weight of each row is wanted");
  require(bias.size() == (layer.is_bag ? layer.bias.size() : rows.size()),
          "a gradient for the bias of each row is wanted, of a bag for each bias");
  checked_distinct(rows, layer.weights.rows);
  const Reading held(model_.turnstile.get());
  std::unique_ptr<Workspace> space = shelf_->take(model_, n_threads_);
  Pool pool = pool_of(*space);
  const LayerStep step = layer_step(model_, l, optimizer, state, lr, number);
  if (layer.is_bag) update_biases(step, bias, space->threads[0].ledgers[l]);
  pool.parallel_for(std::ssize(rows), 16, [&](int64_t i, int thread) {
    RowGradient gradient{.ids = {}, .values = values.row(i)};
    if (!layer.is_bag) gradient.bias = bias[i];
    apply_gradient(step, rows[i], gradient, *space, space->threads[thread]);
  });
  const Ledger ledger = taken_ledger(l, *space);
  shelf_->give_back(std::move(space));
  return ledger;
}

}  // namespace fewfire
