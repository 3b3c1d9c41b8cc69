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
  require(std::isfinite(options.loss_scale) && options.loss_scale > 0.0f, "loss_scale must be above 0");
  require(static_cast<int64_t>(rates.size()) ==
              (static_cast<int64_t>(order.size()) + options.batch_size - 1) / options.batch_size,
          "one learning rate per micro-batch is wanted");
  check_inputs(model, inputs, order);
  check_targets(model, targets, inputs.n_rows());
  check_states(model, optimizer, states);
}

// The states, with the squares of the mean inputs as they are now.
std::vector<OptimizerState> measured(std::span<const OptimizerState> states) {
  std::vector<OptimizerState> found(states.begin(), states.end());
  for (OptimizerState& state : found)
    state.centre.squares = std::inner_product(state.centre.mean.begin(), state.centre.mean.end(),
                                              state.centre.stride.begin(), 0.0f);
  return found;
}

}  // namespace

Totals train(const Model& model, const Inputs& inputs, const Targets& targets, std::span<const int64_t> order,
             std::span<const float> rates, const Optimizer& optimizer, std::span<const OptimizerState> states,
             const TrainOptions& options) {
  check_train(model, inputs, targets, order, rates, optimizer, states, options);
  const std::vector<OptimizerState> own_states = measured(states);
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
      backward(model, optimizer, own_states, rates[i], options.first_step + i + 1, space, pool);
  };

  Pool pool(options.n_threads);
  Totals totals;
  totals.loss = options.loss_before;
  if (options.deterministic || pool.size() == 1) {
    Workspace space(model, Mode::train, pool.size(), options.counts_rows);
    space.loss_scale = options.loss_scale;
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
    space.loss_scale = options.loss_scale;
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

std::vector<Ledger> settle(const Model& model, const Optimizer& optimizer,
                           std::span<const OptimizerState> states, int64_t number, int n_threads) {
  check_states(model, optimizer, states);
  const std::vector<OptimizerState> own_states = measured(states);
  const Reading held(model.turnstile.get());
  Pool pool(n_threads);
  Workspace space(model, Mode::train, pool.size(), false);
  std::vector<Ledger> ledgers(model.layers.size());
  for (size_t l = 0; l < model.layers.size(); ++l) {
    const Centre& centre = own_states[l].centre;
    if (!centre.is_on()) continue;
    const LayerStep step{
        {optimizer, 0.0f, number, model.layers[l], own_states[l], {}}, l, listener_of(model.layers[l])};
    pool.parallel_for(model.layers[l].n_rows(), 16, [&](int64_t row, int thread) {
      if (centre.n_owed[row] > 0) pay_row(step, static_cast<RowId>(row), space.threads[thread]);
    });
    for (const ThreadSpace& own : space.threads) ledgers[l] += own.ledgers[l];
  }
  return ledgers;
}

}  // namespace fewfire
