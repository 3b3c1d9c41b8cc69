#include "network/workspace.h"

#include <numeric>

namespace fewfire {

void Activity::become_full(int64_t n_rows) {
  full = true;
  rows.resize(static_cast<size_t>(n_rows));
  std::iota(rows.begin(), rows.end(), 0);
}

void Activity::resize(int64_t n_examples, int64_t slots) {
  const size_t n = static_cast<size_t>(n_examples);
  capacity = slots;
  counts.resize(n);
  threshold_rows.resize(n, -1);
  scales.resize(n);
  if (values.size() >= n * static_cast<size_t>(slots)) return;
  values.resize(n * static_cast<size_t>(slots));
  deltas.resize(values.size());
  if (!full) rows.resize(values.size());
}

Workspace::Workspace(const Model& model, Mode mode, int n_threads, bool counts_rows)
    : mode(mode),
      kinds(model.kinds(mode)),
      layers(model.layers.size()),
      threads(static_cast<size_t>(n_threads)) {
  if (model.takes_matrix) given.become_full(model.layers[0].n_columns());
  for (size_t l = 0; l < layers.size(); ++l) {
    of_kinds.push_back(kinds[l]->space != nullptr ? kinds[l]->space() : nullptr);
    if (model.is_full[l]) layers[l].become_full(model.layers[l].n_rows());
  }
  for (ThreadSpace& thread : threads) {
    thread.ledgers.resize(layers.size());
    for (size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = model.layers[l];
      thread.gates.push_back(layer.gate ? layer.gate->scratch() : GateScratch{});
      thread.usage.emplace_back(!counts_rows && is_retrieval(model, l) ? 1 : layer.n_rows());
    }
  }
}

}  // namespace fewfire
