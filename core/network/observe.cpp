#include "network/observe.h"

#include <chrono>
#include <numeric>

#include "base/check.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "network/ranking.h"
#include "network/valid.h"

namespace fewfire {

Means mean_inputs(const Model& model, const Inputs& inputs, std::span<const int64_t> ids, int n_threads) {
  require(!ids.empty(), "a mean wants an example");
  check_inputs(model, inputs, ids);
  const size_t n_layers = model.layers.size();
  const size_t n_batches = (ids.size() + kPredictBatch - 1) / kPredictBatch;
  std::vector<std::vector<std::vector<double>>> sums(n_batches);  // by batch, then by layer
  const auto take = [&](int64_t first, Workspace& space, Pool&) {
    auto& own = sums[static_cast<size_t>(first / kPredictBatch)];
    for (size_t l = 0; l < n_layers; ++l) {
      own.emplace_back(static_cast<size_t>(model.layers[l].n_columns()));
      for (int64_t e = 0; e < space.n_examples(); ++e) {
        const SparseVector x = space.input_of(l, e);
        for (int64_t k = 0; k < x.size(); ++k) own[l][x.ids[k]] += x.values[k];
      }
    }
  };
  const Totals totals = forward_all(model, inputs, {}, ids, {.n_threads = n_threads}, take);
  Means means;
  for (size_t l = 0; l < n_layers; ++l) {
    std::vector<double> total(static_cast<size_t>(model.layers[l].n_columns()));
    for (const auto& own : sums)
      for (size_t j = 0; j < total.size(); ++j) total[j] += own[l][j];
    for (double& value : total) value /= static_cast<double>(ids.size());
    means.values.emplace_back(total.begin(), total.end());
    const Ledger& spent = totals.ledgers[l];
    means.ledgers.push_back({.refresh = spent.forward + spent.hashing + spent.ranking,
                             .additions = spent.additions,
                             .comparisons = spent.comparisons,
                             .popcounts = spent.popcounts});
  }
  return means;
}

Choices choices(const Model& model, size_t position, const Inputs& inputs, std::span<const int64_t> ids,
                int n_threads) {
  require(position < model.layers.size() && model.layers[position].gate, "no gate is there");
  check_inputs(model, inputs, ids);
  const Layer& layer = model.layers[position];
  const size_t width = static_cast<size_t>(layer.gate->capacity(layer.n_rows(), 0, Mode::gated));
  Choices found;
  found.width = static_cast<int64_t>(width);
  found.chosen.resize(ids.size() * width);
  found.best.resize(ids.size() * width);
  std::vector<RowId> every_row(static_cast<size_t>(layer.n_rows()));
  std::iota(every_row.begin(), every_row.end(), 0);
  const auto take = [&](int64_t first, Workspace& space, Pool&) {
    ThreadSpace& own = space.threads[0];
    std::vector<float> scores(static_cast<size_t>(layer.n_rows())), spare(width);
    Ledger uncounted;
    for (int64_t e = 0; e < space.n_examples(); ++e) {
      const size_t at = static_cast<size_t>(first + e) * width;
      const SparseVector x = space.input_of(position, e);
      own.choice.clear();
      layer.gate->choose(layer, {x, space.keys[e]}, {}, Mode::gated, own.gates[position], own.choice,
                         uncounted);
      best({own.choice.rows, own.choice.scores}, std::span(found.chosen).subspan(at, width), spare, own.ids);
      kernels().score_rows(layer.weights, layer.bias.data(), nullptr, 0, layer.n_rows(), x, scores.data());
      best({every_row, scores}, std::span(found.best).subspan(at, width), spare, own.ids);
    }
  };
  forward_all(model, inputs, {}, ids, {.n_threads = n_threads}, take);
  return found;
}

std::vector<double> latencies(const Model& model, const Inputs& inputs, std::span<const int64_t> ids,
                              Mode mode, int64_t k) {
  check_inputs(model, inputs, ids);
  check_k(model, k);
  Pool serial(1);
  Workspace space = [&] {
    const Reading held(model.turnstile.get());
    return Workspace(model, mode, 1, false);
  }();
  space.leaves_last = ranks_all(model, mode);
  std::vector<RowId> rows(static_cast<size_t>(k));
  std::vector<float> scores(rows.size());
  std::vector<double> seconds;
  for (const int64_t& id : ids) {
    const Reading held(model.turnstile.get());
    const auto start = std::chrono::steady_clock::now();
    forward(model, inputs, {}, {&id, 1}, 0, space, serial);
    find_best(model, space, false, {rows.data(), 1, k}, {scores.data(), 1, k});
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return seconds;
}

}  // namespace fewfire
