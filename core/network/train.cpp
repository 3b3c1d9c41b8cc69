#include "network/train.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "network/valid.h"

namespace fewfire {
namespace {

void note_rivals(std::span<const std::atomic<int64_t>> running, int thread, std::vector<int64_t>& rivals) {
  rivals.clear();
  for (size_t other = 0; other < running.size(); ++other)
    if (const int64_t step = running[other]; step > 0 && other != static_cast<size_t>(thread))
      rivals.push_back(step);
}

void check_train(const Model& model, const Inputs& inputs, const Targets& targets,
                 std::span<const int64_t> order, std::span<const float> rates, const Optimizer& optimizer,
                 std::span<const OptimizerState> states, const TrainOptions& options) {
  require(options.batch_size >= 1, "batch_size must be at least 1");
  require(static_cast<int64_t>(rates.size()) ==
              (static_cast<int64_t>(order.size()) + options.batch_size - 1) / options.batch_size,
          "one learning rate per micro-batch is wanted");
  check_inputs(model, inputs, order);
  check_targets(model, targets, inputs.n_rows());
  check_states(model, optimizer, states);
}

}  // namespace

Totals train(const Model& model, const Inputs& inputs, const Targets& targets, std::span<const int64_t> order,
             std::span<const float> rates, const Optimizer& optimizer, std::span<const OptimizerState> states,
             const TrainOptions& options) {
  check_train(model, inputs, targets, order, rates, optimizer, states, options);
  const Reading held(model.turnstile.get());
  const int64_t n_steps = static_cast<int64_t>(rates.size());
  const auto run_step = [&](int64_t i, Workspace& space, Pool& pool, Totals& totals) {
    const auto batch = batch_of(order, i, options.batch_size);
    forward(model, inputs, targets, batch, options.epoch, space, pool);
    compute_losses(model, targets, batch, space, pool);
    const double loss = std::accumulate(space.losses.begin(), space.losses.end(), 0.0);
    totals.loss += loss;
    totals.n_correct += std::count(space.hits.begin(), space.hits.end(), char{1});
    // If training diverged, the caller sees it, and nothing is spoilt further.
    if (std::isfinite(loss))
      backward(model, optimizer, states, rates[i], options.first_step + i + 1, space, pool);
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

}  // namespace fewfire
