// A layer without a gate: every row is active, and computed in blocks of rows and examples. Its values are
// kept as a full matrix, unless the gate of the layer above wants a list of those that are not 0.
#include <algorithm>

#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "network/active.h"

namespace fewfire {
namespace {

constexpr int64_t kRowBlock = 16;      // rows whose weights stay in cache while the examples pass
constexpr int64_t kExampleBlock = 16;  // examples whose deltas stay in cache while the rows pass

bool fits(const Model&, size_t, Mode) { return true; }  // whatever is of no other kind

bool is_full(const Model& model, size_t l) {
  const Gate* above = l + 1 < model.layers.size() ? model.layers[l + 1].gate.get() : nullptr;
  return above == nullptr || !above->reads_lists();
}

int64_t capacity(const Layer& layer, int64_t, Mode) { return layer.n_rows(); }

void score_block(const Layer& layer, size_t l, int64_t first, int64_t n, Workspace& space) {
  Activity& activity = space.layers[l];
  float* scores = activity.values.data() + first;
  if (space.has_full_input(l)) {
    kernels().score_block(layer.weights, layer.bias.data(), first, n, space.input_matrix(l), scores,
                          activity.capacity);
    return;
  }
  for (int64_t e = 0; e < space.n_examples(); ++e)
    kernels().score_rows(layer.weights, layer.bias.data(), nullptr, first, n, space.input_of(l, e),
                         scores + e * activity.capacity);
}

// Returns how many values the list holds: of ReLU rows, those that are not 0.
int64_t list(Activation activation, std::span<float> values, std::span<RowId> rows) {
  const bool drops_zeros = activation == Activation::relu;
  size_t n = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[n] = static_cast<RowId>(i);
    values[n] = values[i];
    n += !(drops_zeros && values[i] == 0.0f);
  }
  return static_cast<int64_t>(n);
}

void forward(const Model& model, size_t l, Workspace& space, Pool& pool) {
  const Layer& layer = model.layers[l];
  Activity& activity = space.layers[l];
  const int64_t n = layer.n_rows();
  pool.parallel_blocks(n, kRowBlock, 4, [&](int64_t first, int64_t end, int) {
    score_block(layer, l, first, end - first, space);
  });
  pool.parallel_for(space.n_examples(), kExampleBlock, [&](int64_t e, int thread) {
    ThreadSpace& own = space.threads[thread];
    own.ledgers[l].forward += n * (space.has_full_input(l) ? layer.n_columns() : space.input_of(l, e).size());
    own.ledgers[l].rows_touched += n;
    for (int64_t& count : own.usage[l]) ++count;
    const size_t begin = static_cast<size_t>(e * activity.capacity);
    const auto values = std::span(activity.values).subspan(begin, static_cast<size_t>(n));
    for (float& value : values) value = activate(layer.activation, value);
    activity.counts[e] = activity.full ? n
                                       : list(layer.activation, values,
                                              std::span(activity.rows).subspan(begin, values.size()));
  });
}

// The deltas below of the examples first .. last - 1, whose values and inputs are matrices.
void pass_down_block(const Layer& layer, size_t l, int64_t first, int64_t last, Workspace& space,
                     ThreadSpace& own) {
  const std::vector<float>& deltas = space.layers[l].deltas;
  std::vector<float>& below = space.below(l).deltas;
  const int64_t n = layer.n_rows(), d = layer.n_columns();
  std::fill(below.begin() + first * d, below.begin() + last * d, 0.0f);
  for (int64_t row = 0; row < n; row += kRowBlock)
    for (int64_t e = first; e < last; ++e)
      kernels().weighted_sum(layer.weights, nullptr, row, deltas.data() + e * n + row,
                             std::min(kRowBlock, n - row), below.data() + e * d);
  own.ledgers[l].backward += (last - first) * n * d;
}

// The pairs of a row, example by example.
void pairs_of_row(const Activity& activity, RowId row, int64_t n_examples, std::vector<Pair>& pairs) {
  pairs.clear();
  for (int64_t e = 0; e < n_examples; ++e) {
    const float delta = activity.deltas[e * activity.capacity + row];
    if (delta != 0.0f) pairs.push_back({row, static_cast<int32_t>(e), delta});
  }
}

void update_every_row(const LayerStep& step, Workspace& space, Pool& pool) {
  pool.parallel_for(step.layer.n_rows(), kRowBlock, [&](int64_t row, int thread) {
    ThreadSpace& own = space.threads[thread];
    pairs_of_row(space.layers[step.l], static_cast<RowId>(row), space.n_examples(), own.pairs);
    if (!own.pairs.empty()) apply_pairs(step, own.pairs, space, own);
  });
}

// d loss / d value becomes d loss / d score.
void score_deltas(Activation activation, int64_t e, Activity& activity) {
  const std::span<float> deltas = activity.deltas_of(e);
  const std::span<const float> values = activity.active(e).values;
  for (size_t i = 0; i < deltas.size(); ++i) deltas[i] *= slope(activation, values[i]);
}

void pass_down(const Model& model, size_t l, Workspace& space, Pool& pool) {
  const Layer& layer = model.layers[l];
  for (int64_t e = 0; e < space.n_examples(); ++e) score_deltas(layer.activation, e, space.layers[l]);
  if (space.layers[l].full && space.has_full_input(l))
    pool.parallel_blocks(space.n_examples(), kExampleBlock, 1, [&](int64_t first, int64_t end, int thread) {
      pass_down_block(layer, l, first, end, space, space.threads[thread]);
    });
  else if (space.passes_down(l))
    pass_down_lists(model, l, space, pool);
}

void update(const LayerStep& step, Workspace& space, Pool& pool) {
  if (space.layers[step.l].full)
    update_every_row(step, space, pool);
  else
    update_listed_rows(step, space, pool);
}

}  // namespace

extern const LayerKind kDense;
const LayerKind kDense{.fits = fits,
                       .is_full = is_full,
                       .capacity = capacity,
                       .forward = forward,
                       .loss = loss_of_active,
                       .pass_down = pass_down,
                       .update = update};

}  // namespace fewfire
