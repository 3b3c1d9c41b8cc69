#include "network/train.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <numeric>

#include "kernels/dispatch.h"
#include "kernels/kernels.h"

namespace fewfire {
namespace {

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

void note_rivals(std::span<const std::atomic<int64_t>> running, int thread, std::vector<int64_t>& rivals) {
  rivals.clear();
  for (size_t other = 0; other < running.size(); ++other)
    if (const int64_t step = running[other]; step > 0 && other != static_cast<size_t>(thread))
      rivals.push_back(step);
}

}  // namespace

Totals train(const Model& model, const Inputs& inputs, const Targets& targets, std::span<const int64_t> order,
             std::span<const float> rates, const Optimizer& optimizer, std::span<const OptimizerState> states,
             const TrainOptions& options) {
  const int64_t n_steps = static_cast<int64_t>(rates.size());
  const auto run_step = [&](int64_t i, Workspace& space, Pool& pool, Totals& totals) {
    step(model, inputs, targets, batch_of(order, i, options.batch_size), options.epoch, optimizer, states,
         rates[i], options.first_step + i + 1, space, pool);
    totals.loss += std::accumulate(space.losses.begin(), space.losses.end(), 0.0);
    totals.n_correct += std::count(space.hits.begin(), space.hits.end(), char{1});
  };

  Pool pool(options.n_threads);
  Totals totals;
  totals.loss = options.loss_before;
  if (options.deterministic || pool.size() == 1) {
    Workspace space(model, Mode::train, pool.size(), options.counts_rows);
    for (int64_t i = 0; i < n_steps; ++i) run_step(i, space, pool, totals);
    add(space, totals);
    return totals;
  }
  std::atomic<int64_t> next{0};
  std::vector<std::atomic<int64_t>> running(
      static_cast<size_t>(pool.size()));  // step of each thread; 0: none
  std::mutex totals_mutex;
  pool.run([&](int thread) {
    Pool serial(1);
    Workspace space(model, Mode::train, 1, options.counts_rows);
    Totals own;
    for (int64_t i; (i = next.fetch_add(1)) < n_steps; running[thread] = 0) {
      running[thread] = options.first_step + i + 1;
      note_rivals(running, thread, space.rivals);
      run_step(i, space, serial, own);
    }
    const std::lock_guard lock(totals_mutex);
    totals.loss += own.loss;
    totals.n_correct += own.n_correct;
    add(space, totals);
  });
  return totals;
}

Totals predict(const Model& model, const Inputs& inputs, const Targets& targets, std::span<const int64_t> ids,
               Mode mode, int n_threads,
               const std::function<void(int64_t first, Workspace& space, Pool& serial)>& take,
               bool leaves_last, bool counts_rows) {
  const int64_t n_batches = (static_cast<int64_t>(ids.size()) + kPredictBatch - 1) / kPredictBatch;
  Pool pool(static_cast<int>(std::min<int64_t>(n_threads, std::max<int64_t>(n_batches, 1))));
  std::atomic<int64_t> next{0};
  std::mutex totals_mutex;
  Totals totals;
  pool.run([&](int) {
    Pool serial(1);
    Workspace space(model, mode, 1, counts_rows);
    space.leaves_last = leaves_last;
    for (int64_t i; (i = next.fetch_add(1)) < n_batches;) {
      forward(model, inputs, targets, batch_of(ids, i, kPredictBatch), 0, space, serial);
      take(i * kPredictBatch, space, serial);
    }
    const std::lock_guard lock(totals_mutex);
    add(space, totals);
  });
  return totals;
}

Totals score_rows(const Model& model, const Inputs& inputs, std::span<const int64_t> ids, const Targets& rows,
                  int n_threads, std::span<float> scores) {
  const size_t last = model.layers.size() - 1;
  const Layer& layer = model.layers[last];
  const auto take = [&](int64_t first, Workspace& space, Pool&) {
    for (int64_t e = 0; e < space.n_examples(); ++e) {
      const int64_t begin = rows.indptr[first + e];
      const std::span<const RowId> wanted = rows.labels(first + e);
      const int64_t n = static_cast<int64_t>(wanted.size());
      const SparseVector x = space.input_of(last, e);
      // As the layer itself computes them, to the bit.
      const bool is_dense = layer.gate ? is_retrieval(model, last) && x.size() == layer.n_columns()
                                       : space.has_full_input(last);
      if (is_dense)
        kernels().score_dense(layer.weights, layer.bias.data(), wanted.data(), 0, n, x.values.data(),
                              scores.data() + begin);
      else
        kernels().score_rows(layer.weights, layer.bias.data(), wanted.data(), 0, n, x, scores.data() + begin);
      for (float& score : scores.subspan(static_cast<size_t>(begin), wanted.size()))
        score = activate(layer.activation, score);
      space.threads[0].ledgers[last].forward += n * x.size();
      space.threads[0].ledgers[last].rows_touched += n;
    }
  };
  return predict(model, inputs, {}, ids, Mode::gated, n_threads, take, true, false);
}

void best(SparseVector scored, std::span<RowId> rows, std::span<float> scores, std::vector<RowId>& order) {
  order.resize(scored.ids.size());
  std::iota(order.begin(), order.end(), 0);
  const auto better = [&](RowId a, RowId b) {
    const float x = scored.values[a], y = scored.values[b];
    return x != y ? x > y || (x == x && y != y) : scored.ids[a] < scored.ids[b];
  };
  const size_t n = std::min(order.size(), rows.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<int64_t>(n), order.end(), better);
  std::fill(rows.begin(), rows.end(), RowId{-1});
  std::fill(scores.begin(), scores.end(), -std::numeric_limits<float>::infinity());
  for (size_t i = 0; i < n; ++i) {
    rows[i] = scored.ids[order[i]];
    scores[i] = scored.values[order[i]];
  }
}

}  // namespace fewfire
