#include "network/batches.h"

#include <algorithm>
#include <atomic>

#include "base/check.h"

namespace fewfire {

void add(const Workspace& space, Totals& totals) {
  totals.ledgers.resize(space.layers.size());
  totals.usage.resize(space.layers.size());
  for (const ThreadSpace& thread : space.threads)
    for (size_t l = 0; l < space.layers.size(); ++l) {
      totals.ledgers[l] += thread.ledgers[l];
      totals.usage[l].resize(thread.usage[l].size());
      for (size_t row = 0; row < thread.usage[l].size(); ++row) totals.usage[l][row] += thread.usage[l][row];
    }
}

std::span<const int64_t> batch_of(std::span<const int64_t> ids, int64_t number, int64_t batch_size) {
  const size_t begin = static_cast<size_t>(number * batch_size);
  return ids.subspan(begin, std::min(static_cast<size_t>(batch_size), ids.size() - begin));
}

Totals forward_all(const Model& model, const Inputs& inputs, const Targets& targets,
                   std::span<const int64_t> ids, const Pass& pass,
                   const std::function<void(int64_t first, Workspace& space, Pool& serial)>& take) {
  const int64_t n_batches = (static_cast<int64_t>(ids.size()) + kPredictBatch - 1) / kPredictBatch;
  Pool pool(static_cast<int>(std::min<int64_t>(threads_of(pass.n_threads), std::max<int64_t>(n_batches, 1))));
  std::atomic<int64_t> next{0};
  std::mutex totals_mutex;
  Totals totals;
  pool.run([&](int) {
    Pool serial(1);
    Workspace space = [&] {
      const Reading held(model.turnstile.get());
      return Workspace(model, pass.mode, 1, pass.counts_rows);
    }();
    space.leaves_last = pass.leaves_last;
    for (int64_t i; (i = next.fetch_add(1)) < n_batches;) {
      const Reading held(model.turnstile.get());
      forward(model, inputs, targets, batch_of(ids, i, kPredictBatch), 0, space, serial);
      take(i * kPredictBatch, space, serial);
    }
    const std::lock_guard lock(totals_mutex);
    add(space, totals);
  });
  return totals;
}

}  // namespace fewfire
