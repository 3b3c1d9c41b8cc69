#include "network/active.h"

#include "kernels/dispatch.h"
#include "kernels/kernels.h"

namespace fewfire {
namespace {

constexpr int64_t kGroups = 16;  // that a thread takes at a time

// The rows of an example that have a gradient, in own.rows and own.deltas.
void nonzero_deltas(Activity& activity, int64_t e, ThreadSpace& own) {
  own.rows.clear();
  own.deltas.clear();
  const std::span<const RowId> rows = activity.learning_rows(e);
  const std::span<const float> deltas = activity.learning_deltas(e);
  for (size_t i = 0; i < deltas.size(); ++i) {
    if (deltas[i] == 0.0f) continue;
    own.rows.push_back(rows[i]);
    own.deltas.push_back(deltas[i]);
  }
}

void collect_pairs(const Layer& layer, Activity& activity, Workspace& space) {
  std::vector<Pair>&pairs = space.groups.items, &scratch = space.threads[0].pairs;
  pairs.clear();
  for (int64_t e = 0; e < space.n_examples(); ++e)
    append_nonzero(activity.learning_rows(e), activity.learning_deltas(e), e, scratch, pairs);
  space.groups.sort(layer.n_rows());
}

}  // namespace

LossOf loss_of_active(const Model& model, const Targets& targets, int64_t id, int64_t e, Workspace& space) {
  Activity& output = space.layers.back();
  const SparseVector active = output.active(e);
  const std::span<float> deltas = output.deltas_of(e);
  if (model.loss == Loss::squared)
    return loss_of_values(active.ids, active.values, targets.values.row(id), deltas);
  return loss_of_labels(model.loss, active.ids, active.values, space.labels[e], deltas);
}

void pass_down_lists(const Model& model, size_t l, Workspace& space, Pool& pool) {
  Activity& below = space.below(l);
  pool.parallel_for(space.n_examples(), 4, [&](int64_t e, int thread) {
    ThreadSpace& own = space.threads[thread];
    nonzero_deltas(space.layers[l], e, own);
    const std::span<const RowId> columns = below.active(e).ids;
    kernels().gather_sum(model.layers[l].weights, own.rows, own.deltas.data(), columns,
                         below.deltas_of(e).data());
    own.ledgers[l].backward += static_cast<int64_t>(own.rows.size() * columns.size());
  });
}

void update_listed_rows(const LayerStep& step, Workspace& space, Pool& pool) {
  collect_pairs(step.layer, space.layers[step.l], space);
  pool.parallel_for(space.groups.size(), kGroups, [&](int64_t group, int thread) {
    apply_pairs(step, space.groups.group(group), space, space.threads[thread]);
  });
}

}  // namespace fewfire
