#include "network/update.h"

#include <algorithm>

#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "kernels/widen.h"

namespace fewfire {
namespace {

// Whether the step that last changed a row ran at the same time as this one: it began later, or had not
// ended when this one began.
bool is_conflict(int64_t last, int64_t number, std::span<const int64_t> rivals) {
  return last > number || std::find(rivals.begin(), rivals.end(), last) != rivals.end();
}

// The sum over examples of delta * input, where inputs are the rows of a full matrix.
RowGradient gradient_of_matrix(size_t l, std::span<const Pair> pairs, const Workspace& space,
                               ThreadSpace& own) {
  load_pairs(pairs, own);
  const Matrix<const float> inputs = space.input_matrix(l);
  own.gradient.assign(static_cast<size_t>(inputs.cols), 0.0f);
  kernels().weighted_sum(inputs, own.ids.data(), 0, own.deltas.data(), static_cast<int64_t>(pairs.size()),
                         own.gradient.data());
  return {.ids = {}, .values = own.gradient};
}

// The same where inputs are lists: the union of their columns, each summed over the examples in order.
RowGradient gradient_of_lists(const Layer& layer, size_t l, std::span<const Pair> pairs,
                              const Workspace& space, ThreadSpace& own) {
  own.columns.begin(layer.n_columns());
  if (own.gradient.size() < static_cast<size_t>(layer.n_columns())) own.gradient.resize(layer.n_columns());
  own.ids.clear();
  for (const Pair& pair : pairs) {
    const SparseVector x = space.input_of(l, pair.example);
    for (int64_t k = 0; k < x.size(); ++k) {
      const RowId column = x.ids[k];
      if (own.columns.insert(column)) {
        own.ids.push_back(column);
        own.gradient[column] = 0.0f;
      }
      own.gradient[column] += pair.delta * x.values[k];
    }
  }
  own.values.clear();
  for (const RowId column : own.ids) own.values.push_back(own.gradient[column]);
  return {.ids = own.ids, .values = own.values};
}

// Scales the values by p.
void scale(std::span<const float> scales, RowGradient& gradient, ThreadSpace& own, Ledger& ledger) {
  float squares = 0.0f;
  for (size_t k = 0; k < own.values.size(); ++k) {
    const float value = own.values[k];
    own.values[k] *= scales[own.ids[k]];
    squares += value * own.values[k];
  }
  gradient.squares = squares;
  ledger.optimizer += 2 * static_cast<int64_t>(own.values.size());
}

RowGradient row_gradient(const LayerStep& step, std::span<const Pair> pairs, const Workspace& space,
                         ThreadSpace& own) {
  const size_t l = step.l;
  if (space.has_full_input(l)) return gradient_of_matrix(l, pairs, space, own);
  if (pairs.size() > 1) {
    RowGradient gradient = gradient_of_lists(step.layer, l, pairs, space, own);
    if (!step.state.centre.scale.empty()) scale(step.state.centre.scale, gradient, own, own.ledgers[l]);
    return gradient;
  }
  const SparseVector x = space.input_of(l, pairs[0].example);
  const float delta = pairs[0].delta;
  RowGradient gradient{.ids = x.ids, .values = x.values, .scale = delta, .is_product = false};
  if (!step.optimizer.rowwise) return gradient;
  const LookedAt& input = space.looked_at[pairs[0].example];
  if (!input.scaled.empty()) gradient.values = input.scaled;
  gradient.squares = input.squares * delta * delta;
  return gradient;
}

void append(RowId row, const RowGradient& gradient, int64_t width, RowGradients& rows) {
  rows.rows.push_back(row);
  if (gradient.bias) rows.bias.push_back(*gradient.bias);
  rows.values.resize(rows.values.size() + static_cast<size_t>(width));
  float* to = rows.values.data() + rows.values.size() - width;
  for (size_t k = 0; k < gradient.values.size(); ++k)
    to[gradient.ids.empty() ? static_cast<RowId>(k) : gradient.ids[k]] = gradient.scale * gradient.values[k];
}

// Tells the index which columns of the row crossed zero, as own.flipped has them.
void report(const LayerStep& step, RowId row, ThreadSpace& own) {
  if (step.listener != nullptr && !own.flipped.empty())
    step.listener->signs_flipped(row, own.flipped, read_row(step.layer.weights, row, own.widened));
}

}  // namespace

Index* listener_of(const Layer& layer) {
  Index* index = layer.gate ? layer.gate->index() : nullptr;
  return index != nullptr && index->reads_signs() ? index : nullptr;
}

void apply_bias_gradient(const LayerStep& step, std::span<const float> gradients, ThreadSpace& own) {
  if (step.sink == nullptr) return update_biases(step, gradients, own.ledgers[step.l]);
  (*step.sink)[0].bias.assign(gradients.begin(), gradients.end());
}

void apply_gradient(const LayerStep& step, RowId row, const RowGradient& gradient, const Workspace& space,
                    ThreadSpace& own) {
  if (step.sink != nullptr)
    return append(row, gradient, step.layer.weights.cols, (*step.sink)[&own - space.threads.data()]);
  Ledger& ledger = own.ledgers[step.l];
  ledger.rows_updated += 1;
  ledger.conflicts += is_conflict(step.state.touched[row], step.number, space.rivals);
  const float moved =
      update_row(step, row, gradient, step.listener != nullptr ? &own.flipped : nullptr, ledger);
  report(step, row, own);
  if (step.listener != nullptr && moved != 0.0f) step.listener->mean_moved(row, moved);
  if (step.state.centre.is_due(row)) pay_row(step, row, own);
}

void apply_pairs(const LayerStep& step, std::span<const Pair> pairs, const Workspace& space,
                 ThreadSpace& own) {
  RowGradient gradient = row_gradient(step, pairs, space, own);
  float bias = 0.0f;
  for (const Pair& pair : pairs) {
    bias += pair.delta;
    own.ledgers[step.l].backward +=
        space.has_full_input(step.l) ? step.layer.n_columns() : space.input_of(step.l, pair.example).size();
  }
  gradient.bias = bias;
  if (step.state.centre.is_on())
    for (const Pair& pair : pairs) gradient.along += pair.delta * space.looked_at[pair.example].along;
  apply_gradient(step, pairs[0].row, gradient, space, own);
}

void look_at_inputs(const LayerStep& step, Workspace& space, Pool& pool) {
  const Centre& centre = step.state.centre;
  if (!step.optimizer.rowwise || step.layer.is_bag) return;
  if (space.has_full_input(step.l) && !centre.is_on()) return;
  space.looked_at.resize(static_cast<size_t>(space.n_examples()));
  pool.parallel_for(space.n_examples(), 16, [&](int64_t e, int thread) {
    const SparseVector x = space.input_of(step.l, e);
    LookedAt& input = space.looked_at[e];
    const int64_t n = x.size();
    int64_t spent = n;
    input.scaled.clear();
    if (centre.scale.empty()) {
      input.squares = kernels().sum_of_squares(x.values.data(), n);
    } else {
      input.scaled.resize(static_cast<size_t>(n));
      input.squares = 0.0f;
      for (int64_t k = 0; k < n; ++k) {
        input.scaled[k] = centre.scale[x.ids[k]] * x.values[k];
        input.squares += input.scaled[k] * x.values[k];
      }
      spent += n;
    }
    if (centre.is_on()) {
      input.along = 0.0f;
      for (int64_t k = 0; k < n; ++k) input.along += centre.stride[x.ids[k]] * x.values[k];
      spent += n;
    }
    space.threads[thread].ledgers[step.l].optimizer += spent;
  });
}

void pay_row(const LayerStep& step, RowId row, ThreadSpace& own) {
  own.flipped.clear();
  pay(step, row, step.listener != nullptr ? &own.flipped : nullptr, own.ledgers[step.l]);
  if (step.listener == nullptr) return;
  report(step, row, own);
  step.listener->row_changed(row, read_row(step.layer.weights, row, own.widened), own.ledgers[step.l]);
}

void append_nonzero(std::span<const RowId> rows, std::span<const float> deltas, int64_t example,
                    std::vector<Pair>& scratch, std::vector<Pair>& pairs) {
  if (scratch.size() < rows.size()) scratch.resize(rows.size());
  size_t n = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    scratch[n] = {rows[i], static_cast<int32_t>(example), deltas[i]};
    n += deltas[i] != 0.0f ? 1 : 0;
  }
  pairs.insert(pairs.end(), scratch.begin(), scratch.begin() + static_cast<int64_t>(n));
}

void load_pairs(std::span<const Pair> pairs, ThreadSpace& own) {
  own.ids.clear();
  own.deltas.clear();
  for (const Pair& pair : pairs) {
    own.ids.push_back(pair.example);
    own.deltas.push_back(pair.delta);
  }
}

}  // namespace fewfire
