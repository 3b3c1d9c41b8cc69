// The first layer of a net with very many sparse inputs: a row of weights per input, gathered and summed,
//   a = activation(sum_j x_j w_j + b),
// so that a step reads and changes the rows of the inputs that its examples hold. In training, inputs are
// left out with probability `input_dropout` and neurons with `dropout`; what is kept is scaled up.
#include "base/rng.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "network/active.h"

namespace fewfire {
namespace {

constexpr uint64_t kInputs = 1, kNeurons = 2;  // what a draw is about
constexpr int64_t kRows = 16;                  // that a thread takes at a time

bool fits(const Model& model, size_t l, Mode) { return model.layers[l].is_bag; }

bool is_full(const Model&, size_t) { return true; }

int64_t capacity(const Layer& layer, int64_t, Mode) { return layer.n_rows(); }

bool is_kept(const Layer& layer, uint64_t about, uint64_t key, int64_t i, float dropout) {
  return random_uniform(layer.seed + about, key, static_cast<uint64_t>(i)) >= dropout;
}

// Leaves inputs of x out; `buffer` may already hold it.
SparseVector drop_inputs(const Layer& layer, SparseVector x, uint64_t key, RowBuffer& buffer) {
  const size_t size = static_cast<size_t>(x.size());
  if (buffer.ids.size() < size) buffer.ids.resize(size), buffer.values.resize(size);
  const float scale = 1.0f / (1.0f - layer.input_dropout);
  size_t n = 0;
  for (size_t k = 0; k < size; ++k) {
    buffer.ids[n] = x.ids[k];
    buffer.values[n] = x.values[k] * scale;
    n += is_kept(layer, kInputs, key, buffer.ids[n], layer.input_dropout);
  }
  return {std::span(buffer.ids).first(n), std::span(buffer.values).first(n)};
}

void forward(const Model& model, size_t l, Workspace& space, Pool& pool) {
  const Layer& layer = model.layers[l];
  Activity& activity = space.layers[l];
  const size_t n = static_cast<size_t>(layer.n_rows());
  const bool trains = space.mode == Mode::train;
  const float input_dropout = trains ? layer.input_dropout : 0.0f, dropout = trains ? layer.dropout : 0.0f;
  pool.parallel_for(space.n_examples(), 4, [&](int64_t e, int thread) {
    SparseVector& x = space.inputs[e];
    if (input_dropout > 0.0f) x = drop_inputs(layer, x, space.keys[e], space.buffers[e]);
    const auto values = std::span(activity.values).subspan(static_cast<size_t>(e) * n, n);
    std::copy(layer.bias.begin(), layer.bias.end(), values.begin());
    kernels().weighted_sum(layer.weights, x.ids.data(), 0, x.values.data(), x.size(), values.data());
    for (size_t j = 0; j < n; ++j) {
      values[j] = activate(layer.activation, values[j]);
      if (dropout > 0.0f)
        values[j] = is_kept(layer, kNeurons, space.keys[e], static_cast<int64_t>(j), dropout)
                        ? values[j] / (1.0f - dropout)
                        : 0.0f;
    }
    activity.counts[e] = static_cast<int64_t>(n);
    ThreadSpace& own = space.threads[thread];
    own.ledgers[l].forward += x.size() * static_cast<int64_t>(n);
    own.ledgers[l].rows_touched += x.size();
    for (int64_t& count : own.usage[l]) ++count;
  });
}

// d loss / d value becomes d loss / d score.
void score_deltas(const Layer& layer, uint64_t key, std::span<const float> values, std::span<float> deltas) {
  const float scale = 1.0f / (1.0f - layer.dropout);
  for (size_t j = 0; j < deltas.size(); ++j) {
    const bool kept =
        layer.dropout == 0.0f || is_kept(layer, kNeurons, key, static_cast<int64_t>(j), layer.dropout);
    deltas[j] = kept ? deltas[j] * scale * slope(layer.activation, values[j] / scale) : 0.0f;
  }
}

// The examples that hold an input, for every input.
void collect_inputs(Workspace& space, int64_t n_inputs) {
  space.groups.items.clear();
  for (int64_t e = 0; e < space.n_examples(); ++e) {
    const SparseVector& x = space.inputs[e];
    for (int64_t k = 0; k < x.size(); ++k)
      space.groups.items.push_back({x.ids[k], static_cast<int32_t>(e), x.values[k]});
  }
  space.groups.sort(n_inputs);
}

void pass_down(const Model& model, size_t l, Workspace& space, Pool&) {
  Activity& activity = space.layers[l];
  for (int64_t e = 0; e < space.n_examples(); ++e)
    score_deltas(model.layers[l], space.keys[e], activity.active(e).values, activity.deltas_of(e));
}

void update(const LayerStep& step, Workspace& space, Pool& pool) {
  const Layer& layer = step.layer;
  Activity& activity = space.layers[step.l];
  const int64_t n = layer.n_rows(), batch = space.n_examples();
  ThreadSpace& first = space.threads[0];
  first.values.assign(static_cast<size_t>(n), 0.0f);
  for (int64_t e = 0; e < batch; ++e) {
    const std::span<const float> deltas = activity.deltas_of(e);
    for (size_t j = 0; j < deltas.size(); ++j) first.values[j] += deltas[j];
  }
  apply_bias_gradient(step, first.values, first);
  collect_inputs(space, layer.n_columns());
  const Matrix<const float> deltas{activity.deltas.data(), batch, n};
  pool.parallel_for(space.groups.size(), kRows, [&](int64_t i, int thread) {
    ThreadSpace& own = space.threads[thread];
    const std::span<const Pair> pairs = space.groups.group(i);
    load_pairs(pairs, own);
    own.gradient.assign(static_cast<size_t>(n), 0.0f);
    kernels().weighted_sum(deltas, own.ids.data(), 0, own.deltas.data(), static_cast<int64_t>(pairs.size()),
                           own.gradient.data());
    own.ledgers[step.l].backward += static_cast<int64_t>(pairs.size()) * n;
    apply_gradient(step, pairs[0].row, {.ids = {}, .values = own.gradient}, space, own);
  });
}

}  // namespace

extern const LayerKind kBag;
const LayerKind kBag{.fits = fits,
                     .is_full = is_full,
                     .capacity = capacity,
                     .forward = forward,
                     .loss = loss_of_active,
                     .pass_down = pass_down,
                     .update = update};

}  // namespace fewfire
