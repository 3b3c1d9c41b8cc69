#include "network/step.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/rng.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "network/bag.h"
#include "network/retrieval.h"

namespace fewfire {
namespace {

constexpr int64_t kRowBlock = 16;      // rows whose weights stay in cache while the examples pass
constexpr int64_t kExampleBlock = 16;  // examples whose deltas stay in cache while the rows pass
constexpr uint64_t kNoEpoch = 0;       // prediction draws nothing that depends on the epoch

void load_examples(const Layer& first, const Inputs& inputs, const Targets& targets,
                   std::span<const int64_t> ids, uint64_t epoch, Workspace& space, Pool& pool) {
  const size_t n = ids.size();
  if (space.buffers.size() < n) space.buffers.resize(n);
  space.inputs.resize(n);
  space.labels.resize(n);
  space.keys.resize(n);
  pool.parallel_for(static_cast<int64_t>(n), 64, [&](int64_t e, int) {
    space.inputs[e] = inputs.row(ids[e], space.buffers[e]);
    space.labels[e] = targets.labels(ids[e]);
    const bool trains = space.mode == Mode::train;
    space.keys[e] = mix(content_key(space.inputs[e]) + (trains ? epoch : kNoEpoch));
    if (trains && first.input_dropout > 0.0f)
      space.inputs[e] = drop_inputs(first, space.inputs[e], space.keys[e], space.buffers[e]);
  });
}

void make_room(const Model& model, Workspace& space) {
  int64_t n_labels = 0;
  if (space.mode == Mode::train)
    for (const auto labels : space.labels) n_labels = std::max(n_labels, static_cast<int64_t>(labels.size()));
  for (size_t l = 0; l < model.layers.size(); ++l) {
    const Layer& layer = model.layers[l];
    const bool is_last = l + 1 == model.layers.size();
    // One slot more than the gate keeps: for the row whose score is the threshold.
    const int64_t slots = layer.gate
                              ? layer.gate->capacity(layer.n_rows(), is_last ? n_labels : 0, space.mode) + 1
                              : layer.n_rows();
    space.layers[l].resize(space.n_examples(), is_last && space.leaves_last ? 0 : slots);
  }
}

// ReLU rows that came out as 0 pass nothing on, forward or backward: between layers they leave the list.
void store_list(Activation activation, std::span<const RowId> rows, std::span<const float> scores,
                float threshold, float scale, std::span<const float> factors, bool drop_zeros, int64_t e,
                Activity& activity) {
  const int64_t begin = e * activity.capacity;
  int64_t n = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const float factor = factors.empty() ? scale : scale * factors[i];
    const float value = factor * activate(activation, scores[i] - threshold);
    activity.rows[begin + n] = rows[i];
    activity.values[begin + n] = value;
    n += !(drop_zeros && value == 0.0f);
  }
  activity.counts[e] = n;
}

void forward_gated(const Model& model, size_t l, Workspace& space, Pool& pool) {
  const Layer& layer = model.layers[l];
  Activity& activity = space.layers[l];
  const bool is_last = l + 1 == model.layers.size();
  pool.parallel_for(space.n_examples(), 1, [&](int64_t e, int thread) {
    ThreadSpace& own = space.threads[thread];
    Choice& choice = own.choice;
    choice.clear();
    const bool forces = is_last && space.mode == Mode::train;
    layer.gate->choose(layer, {space.input_of(l, e), space.keys[e]},
                       forces ? space.labels[e] : std::span<const RowId>{}, space.mode, own.gates[l], choice,
                       own.ledgers[l]);
    store_list(layer.activation, choice.rows, choice.scores, choice.threshold, choice.scale, choice.factors,
               layer.activation == Activation::relu && !is_last, e, activity);
    activity.threshold_rows[e] = choice.threshold_row;
    activity.scales[e] = choice.scale;
    for (const RowId row : choice.rows) own.count(l, row, 1);
  });
}

void score_all(const Layer& layer, size_t l, int64_t first, int64_t n, Workspace& space) {
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

void forward_all(const Model& model, size_t l, Workspace& space, Pool& pool) {
  const Layer& layer = model.layers[l];
  Activity& activity = space.layers[l];
  const int64_t n = layer.n_rows();
  pool.parallel_blocks(n, kRowBlock, 4, [&](int64_t first, int64_t end, int) {
    score_all(layer, l, first, end - first, space);
  });
  pool.parallel_for(space.n_examples(), kExampleBlock, [&](int64_t e, int thread) {
    ThreadSpace& own = space.threads[thread];
    own.ledgers[l].forward += n * (space.has_full_input(l) ? layer.n_columns() : space.input_of(l, e).size());
    own.ledgers[l].rows_touched += n;
    for (int64_t& count : own.usage[l]) ++count;
    const auto values = std::span(activity.values).subspan(static_cast<size_t>(e * activity.capacity), n);
    activity.threshold_rows[e] = -1;
    activity.scales[e] = 1.0f;
    activity.counts[e] = n;
    if (activity.full)
      for (float& value : values) value = activate(layer.activation, value);
    else
      store_list(layer.activation, std::span(space.every_row).first(n), values, 0.0f, 1.0f, {},
                 layer.activation == Activation::relu, e, activity);
  });
}

void count_dense(const Model& model, Workspace& space) {
  for (size_t l = 0; l < model.layers.size(); ++l) {
    const int64_t n = model.layers[l].n_rows(), d = model.layers[l].n_columns();
    const int64_t passes = space.mode != Mode::train ? 1 : l == 0 ? 2 : 3;  // forward, gradient, input deltas
    Ledger& ledger = space.threads[0].ledgers[l];
    for (const SparseVector& x : space.inputs) {
      ledger.dense += passes * n * d;
      ledger.dense_nonzero += passes * n * (l == 0 ? x.size() : d);
    }
  }
}

// d loss / d value becomes d loss / d score, and the row of the threshold joins the list.
void score_deltas(const Layer& layer, int64_t e, Activity& activity) {
  const std::span<float> deltas = activity.deltas_of(e);
  const std::span<const float> values = activity.active(e).values;
  const float scale = activity.scales[e];
  float total = 0.0f;
  for (size_t i = 0; i < deltas.size(); ++i) {
    deltas[i] *= scale * slope(layer.activation, values[i] / scale);
    total += deltas[i];
  }
  if (activity.threshold_rows[e] < 0) return;
  const int64_t end = e * activity.capacity + activity.counts[e]++;
  activity.rows[end] = activity.threshold_rows[e];
  activity.values[end] = 0.0f;
  activity.deltas[end] = -total;
}

// The rows of an example that have a gradient.
void nonzero_deltas(Activity& activity, int64_t e, ThreadSpace& own) {
  own.rows.clear();
  own.deltas.clear();
  const std::span<const RowId> rows = activity.active(e).ids;
  const std::span<const float> deltas = activity.deltas_of(e);
  for (size_t i = 0; i < deltas.size(); ++i) {
    if (deltas[i] == 0.0f) continue;
    own.rows.push_back(rows[i]);
    own.deltas.push_back(deltas[i]);
  }
}

void input_deltas_of_list(const Layer& layer, size_t l, int64_t e, Workspace& space, ThreadSpace& own) {
  Activity& below = space.layers[l - 1];
  nonzero_deltas(space.layers[l], e, own);
  const std::span<const RowId> columns = below.active(e).ids;
  kernels().gather_sum(layer.weights, own.rows, own.deltas.data(), columns, below.deltas_of(e).data());
  own.ledgers[l].backward += static_cast<int64_t>(own.rows.size() * columns.size());
}

void input_deltas_of_block(const Layer& layer, size_t l, int64_t first, int64_t last, Workspace& space,
                           ThreadSpace& own) {
  const std::vector<float>& deltas = space.layers[l].deltas;
  std::vector<float>& below = space.layers[l - 1].deltas;
  const int64_t n = layer.n_rows(), d = layer.n_columns();
  std::fill(below.begin() + first * d, below.begin() + last * d, 0.0f);
  for (int64_t row = 0; row < n; row += kRowBlock)
    for (int64_t e = first; e < last; ++e)
      kernels().weighted_sum(layer.weights, nullptr, row, deltas.data() + e * n + row,
                             std::min(kRowBlock, n - row), below.data() + e * d);
  own.ledgers[l].backward += (last - first) * n * d;
}

void input_deltas(const Layer& layer, size_t l, Workspace& space, Pool& pool) {
  const int64_t batch = space.n_examples();
  if (space.has_full_input(l) && space.layers[l].full)
    pool.parallel_blocks(batch, kExampleBlock, 1, [&](int64_t first, int64_t end, int thread) {
      input_deltas_of_block(layer, l, first, end, space, space.threads[thread]);
    });
  else
    pool.parallel_for(batch, 4, [&](int64_t e, int thread) {
      input_deltas_of_list(layer, l, e, space, space.threads[thread]);
    });
}

// The pairs of a row of a full layer, example by example.
void pairs_of_row(const Activity& activity, RowId row, int64_t n_examples, std::vector<Pair>& pairs) {
  pairs.clear();
  for (int64_t e = 0; e < n_examples; ++e) {
    const float delta = activity.deltas[e * activity.capacity + row];
    if (delta != 0.0f) pairs.push_back({row, static_cast<int32_t>(e), delta});
  }
}

void collect_pairs(const Layer& layer, Activity& activity, Workspace& space) {
  std::vector<Pair>&pairs = space.groups.items, &scratch = space.threads[0].pairs;
  pairs.clear();
  for (int64_t e = 0; e < space.n_examples(); ++e)
    append_nonzero(activity.active(e).ids, activity.deltas_of(e), e, scratch, pairs);
  space.groups.sort(layer.n_rows());
}

void update_layer(const Layer& layer, size_t l, const Update& update, const OptimizerState& state,
                  Workspace& space, Pool& pool) {
  Activity& activity = space.layers[l];
  if (activity.full) {
    pool.parallel_for(layer.n_rows(), kRowBlock, [&](int64_t row, int thread) {
      ThreadSpace& own = space.threads[thread];
      pairs_of_row(activity, static_cast<RowId>(row), space.n_examples(), own.pairs);
      if (!own.pairs.empty()) update_pairs(layer, l, own.pairs, update, state, space, own);
    });
    return;
  }
  collect_pairs(layer, activity, space);
  pool.parallel_for(space.groups.size(), kRowBlock, [&](int64_t group, int thread) {
    update_pairs(layer, l, space.groups.group(group), update, state, space, space.threads[thread]);
  });
}

}  // namespace

void Activity::resize(int64_t n_examples, int64_t slots) {
  const size_t n = static_cast<size_t>(n_examples);
  capacity = slots;
  counts.resize(n);
  threshold_rows.resize(n);
  scales.resize(n);
  if (values.size() >= n * static_cast<size_t>(slots)) return;
  values.resize(n * static_cast<size_t>(slots));
  deltas.resize(values.size());
  if (!full) rows.resize(values.size());
}

Workspace::Workspace(const Model& model, Mode mode, int n_threads, bool counts_rows)
    : mode(mode), layers(model.layers.size()), threads(static_cast<size_t>(n_threads)) {
  int64_t widest = 0;
  for (const Layer& layer : model.layers)
    if (!layer.gate) widest = std::max(widest, layer.n_rows());
  every_row.resize(static_cast<size_t>(widest));
  std::iota(every_row.begin(), every_row.end(), 0);
  for (size_t l = 0; l < layers.size(); ++l) {
    // Values stay a full matrix where no gate chose them and no gate wants them as a list; a bag's always.
    const Gate* above = l + 1 < layers.size() ? model.layers[l + 1].gate.get() : nullptr;
    layers[l].full =
        model.layers[l].is_bag || (!model.layers[l].gate && (above == nullptr || !above->reads_lists()));
    if (layers[l].full)
      layers[l].rows.assign(every_row.begin(), every_row.begin() + model.layers[l].n_rows());
  }
  for (ThreadSpace& thread : threads) {
    thread.ledgers.resize(layers.size());
    for (const Layer& layer : model.layers)
      thread.gates.push_back(layer.gate ? layer.gate->scratch() : GateScratch{});
    for (size_t l = 0; l < layers.size(); ++l)
      thread.usage.emplace_back(!counts_rows && is_retrieval(model, l) ? 1 : model.layers[l].n_rows());
  }
}

void forward(const Model& model, const Inputs& inputs, const Targets& targets, std::span<const int64_t> ids,
             uint64_t epoch, Workspace& space, Pool& pool) {
  load_examples(model.layers.front(), inputs, targets, ids, epoch, space, pool);
  make_room(model, space);
  count_dense(model, space);
  for (size_t l = 0; l + space.leaves_last < model.layers.size(); ++l) {
    if (model.layers[l].is_bag)
      forward_bag(model.layers[l], space, pool);
    else if (draws_negatives(model, l, space))
      forward_retrieval(model, l, space, pool);
    else if (model.layers[l].gate)
      forward_gated(model, l, space, pool);
    else
      forward_all(model, l, space, pool);
  }
}

void compute_losses(const Model& model, const Targets& targets, std::span<const int64_t> ids,
                    Workspace& space, Pool& pool) {
  Activity& output = space.layers.back();
  const float share = 1.0f / static_cast<float>(ids.size());
  const bool sampled = draws_negatives(model, model.layers.size() - 1, space);
  space.losses.resize(ids.size());
  space.hits.resize(ids.size());
  pool.parallel_for(space.n_examples(), kExampleBlock, [&](int64_t e, int) {
    const SparseVector active = output.active(e);
    const std::span<float> deltas = output.deltas_of(e);
    if (sampled)
      space.losses[e] = retrieval_loss(model, e, share, space);
    else if (model.loss == Loss::squared)
      space.losses[e] = loss_of_values(active.ids, active.values, targets.values.row(ids[e]), deltas);
    else
      space.losses[e] = loss_of_labels(model.loss, active.ids, active.values, space.labels[e], deltas);
    const auto best = std::max_element(active.values.begin(), active.values.end()) - active.values.begin();
    space.hits[e] = std::binary_search(space.labels[e].begin(), space.labels[e].end(), active.ids[best]);
    for (float& delta : deltas) delta *= share;
  });
}

void step(const Model& model, const Inputs& inputs, const Targets& targets, std::span<const int64_t> ids,
          uint64_t epoch, const Optimizer& optimizer, std::span<const OptimizerState> states, float lr,
          int64_t number, Workspace& space, Pool& pool) {
  forward(model, inputs, targets, ids, epoch, space, pool);
  compute_losses(model, targets, ids, space, pool);
  double total = 0.0;
  for (const double loss : space.losses) total += loss;
  if (!std::isfinite(total)) return;  // training diverged: the caller sees it, and nothing is spoilt further
  const Update update{optimizer, optimizer.rates(lr, number), number};
  for (size_t l = model.layers.size(); l-- > 0;) {
    const Layer& layer = model.layers[l];
    if (layer.is_bag) {
      update_bag(layer, update, states[l], space, pool);
      continue;
    }
    if (draws_negatives(model, l, space)) {
      backward_retrieval(layer, l, update, states[l], space, pool);
      continue;
    }
    for (int64_t e = 0; e < space.n_examples(); ++e) score_deltas(layer, e, space.layers[l]);
    if (l > 0) input_deltas(layer, l, space, pool);
    update_layer(layer, l, update, states[l], space, pool);
  }
}

}  // namespace fewfire
