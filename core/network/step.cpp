#include "network/step.h"

#include <algorithm>

#include "base/rng.h"

namespace fewfire {
namespace {

constexpr uint64_t kNoEpoch = 0;  // prediction draws nothing that depends on the epoch

// Row `id` of the inputs, zeros and all.
SparseVector whole_row(const Inputs& inputs, int64_t id, int64_t e, Activity& given) {
  const size_t n = static_cast<size_t>(inputs.n_columns());
  given.counts[e] = inputs.n_columns();
  inputs.copy_row(id, std::span(given.values).subspan(static_cast<size_t>(e) * n, n));
  return given.active(e);
}

void load_examples(const Inputs& inputs, const Targets& targets, std::span<const int64_t> ids, uint64_t epoch,
                   Workspace& space, Pool& pool) {
  const size_t n = ids.size();
  if (space.buffers.size() < n) space.buffers.resize(n);
  space.inputs.resize(n);
  space.labels.resize(n);
  space.keys.resize(n);
  if (space.given.full) space.given.resize(static_cast<int64_t>(n), inputs.n_columns());
  pool.parallel_for(static_cast<int64_t>(n), 64, [&](int64_t e, int) {
    space.inputs[e] =
        space.given.full ? whole_row(inputs, ids[e], e, space.given) : inputs.row(ids[e], space.buffers[e]);
    space.labels[e] = targets.labels(ids[e]);
    space.keys[e] = mix(content_key(space.inputs[e]) + (space.mode == Mode::train ? epoch : kNoEpoch));
  });
}

void make_room(const Model& model, Workspace& space) {
  int64_t n_labels = 0;
  if (space.mode == Mode::train)
    for (const auto labels : space.labels) n_labels = std::max(n_labels, static_cast<int64_t>(labels.size()));
  for (size_t l = 0; l < model.layers.size(); ++l) {
    const bool is_last = l + 1 == model.layers.size();
    const int64_t slots = space.kinds[l]->capacity(model.layers[l], is_last ? n_labels : 0, space.mode);
    space.layers[l].resize(space.n_examples(), is_last && space.leaves_last ? 0 : slots);
  }
}

// What the dense net would multiply: forward, for the gradient and, above the first layer, for input deltas.
void count_dense(const Model& model, Workspace& space) {
  for (size_t l = 0; l < model.layers.size(); ++l) {
    const int64_t n = model.layers[l].n_rows(), d = model.layers[l].n_columns();
    const int64_t passes = space.mode != Mode::train ? 1 : space.passes_down(l) ? 3 : 2;
    Ledger& ledger = space.threads[0].ledgers[l];
    for (const SparseVector& x : space.inputs) {
      ledger.dense += passes * n * d;
      ledger.dense_nonzero += passes * n * (l == 0 ? x.size() : d);
    }
  }
}

}  // namespace

void forward(const Model& model, const Inputs& inputs, const Targets& targets, std::span<const int64_t> ids,
             uint64_t epoch, Workspace& space, Pool& pool) {
  load_examples(inputs, targets, ids, epoch, space, pool);
  make_room(model, space);
  for (size_t l = 0; l + space.leaves_last < model.layers.size(); ++l)
    space.kinds[l]->forward(model, l, space, pool);
  count_dense(model, space);
}

void compute_losses(const Model& model, const Targets& targets, std::span<const int64_t> ids,
                    Workspace& space, Pool& pool) {
  Activity& output = space.layers.back();
  const LayerKind& kind = *space.kinds.back();
  space.losses.resize(ids.size());
  space.partitions.resize(ids.size());
  space.scales.resize(ids.size());
  space.hits.resize(ids.size());
  pool.parallel_for(space.n_examples(), 16, [&](int64_t e, int) {
    const float weight = targets.weight(ids[e]);
    const LossOf loss = kind.loss(model, targets, ids[e], e, space);
    space.losses[e] = weight * loss.value;
    space.partitions[e] = loss.partition;
    space.scales[e] = weight * space.share();
    const SparseVector active = output.active(e);
    const auto best = std::max_element(active.values.begin(), active.values.end()) - active.values.begin();
    space.hits[e] = std::binary_search(space.labels[e].begin(), space.labels[e].end(), active.ids[best]);
  });
}

void scale_gradients(Workspace& space, Pool& pool) {
  pool.parallel_for(space.n_examples(), 16, [&](int64_t e, int) {
    for (float& delta : space.layers.back().deltas_of(e)) delta *= space.scales[e];
  });
}

LayerStep layer_step(const Model& model, size_t l, const Optimizer& optimizer, const OptimizerState& state,
                     float lr, int64_t number) {
  Rates rates = optimizer.rates(lr, number);
  rates.lr *= state.pace;
  return {{optimizer, lr, number, model.layers[l], state, rates}, l, listener_of(model.layers[l])};
}

void backward(const Model& model, const Optimizer& optimizer, std::span<const OptimizerState> states,
              float lr, int64_t number, Workspace& space, Pool& pool) {
  scale_gradients(space, pool);
  for (size_t l = model.layers.size(); l-- > 0;) {
    const LayerStep step = layer_step(model, l, optimizer, states[l], lr, number);
    const LayerKind& kind = *space.kinds[l];
    look_at_inputs(step, space, pool);
    if (kind.pass_down_and_update != nullptr) {
      kind.pass_down_and_update(step, space, pool);
    } else {
      kind.pass_down(model, l, space, pool);
      kind.update(step, space, pool);
    }
  }
}

}  // namespace fewfire
