#include "network/predict.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "network/ranking.h"
#include "network/valid.h"

namespace fewfire {
namespace {

void check_rows(const Model& model, std::span<const int64_t> ids, const Lists& rows) {
  const Layer& last = model.layers.back();
  check_lists(rows);
  require(rows.size() == static_cast<int64_t>(ids.size()), "a list of rows for each example is wanted");
  for (const RowId row : rows.indices)
    require(row >= 0 && row < last.n_rows(), "a row is not below those of the last layer");
  require(!last.is_bag, "a bag has no rows to choose from");
  require(!last.gate || last.gate->is_plain_when_exact(), "adaptive dropout scales the values of rows");
}

// As the last layer itself computes them, to the bit.
void score(const Model& model, std::span<const RowId> rows, int64_t example, Workspace& space,
           std::span<float> scores) {
  const size_t last = model.layers.size() - 1;
  const Layer& layer = model.layers[last];
  const SparseVector x = space.input_of(last, example);
  const int64_t n = static_cast<int64_t>(rows.size());
  const bool is_dense =
      layer.gate ? is_retrieval(model, last) && x.size() == layer.n_columns() : space.has_full_input(last);
  if (is_dense)
    kernels().score_dense(layer.weights, layer.bias.data(), rows.data(), 0, n, x.values.data(),
                          scores.data());
  else
    kernels().score_rows(layer.weights, layer.bias.data(), rows.data(), 0, n, x, scores.data());
  for (float& value : scores) value = activate(layer.activation, value);
  space.threads[0].ledgers[last].forward += n * x.size();
  space.threads[0].ledgers[last].rows_touched += n;
}

}  // namespace

Answers predict_topk(const Model& model, const Inputs& inputs, const Targets& targets,
                     std::span<const int64_t> ids, int64_t k, Mode mode, int n_threads, bool counts_rows) {
  check_k(model, k);
  check_inputs(model, inputs, ids);
  if (!targets.empty()) check_targets(model, targets, inputs.n_rows());
  Answers found;
  found.rows.resize(ids.size() * static_cast<size_t>(k));
  found.scores.resize(found.rows.size());
  found.losses.resize(ids.size());
  const auto take = [&](int64_t first, Workspace& space, Pool& serial) {
    const int64_t n = space.n_examples();
    find_best(model, space, !targets.empty(), {found.rows.data() + first * k, n, k},
              {found.scores.data() + first * k, n, k});
    if (targets.empty()) return;
    if (!space.leaves_last)
      compute_losses(model, targets, ids.subspan(static_cast<size_t>(first), static_cast<size_t>(n)), space,
                     serial);
    std::copy(space.losses.begin(), space.losses.end(), found.losses.begin() + first);
  };
  found.totals = forward_all(model, inputs, targets, ids,
                             {.mode = mode,
                              .n_threads = n_threads,
                              .leaves_last = ranks_all(model, mode),
                              .counts_rows = counts_rows},
                             take);
  return found;
}

std::vector<float> predict_all(const Model& model, const Inputs& inputs, std::span<const int64_t> ids,
                               Mode mode, int n_threads) {
  check_inputs(model, inputs, ids);
  const size_t width = static_cast<size_t>(model.layers.back().n_rows());
  std::vector<float> scores(ids.size() * width, -std::numeric_limits<float>::infinity());
  const auto take = [&](int64_t first, Workspace& space, Pool&) {
    for (int64_t e = 0; e < space.n_examples(); ++e) {
      const SparseVector active = space.layers.back().active(e);
      float* own = scores.data() + static_cast<size_t>(first + e) * width;
      for (int64_t i = 0; i < active.size(); ++i) own[active.ids[i]] = active.values[i];
    }
  };
  forward_all(model, inputs, {}, ids, {.mode = mode, .n_threads = n_threads}, take);
  return scores;
}

RowScores score_rows(const Model& model, const Inputs& inputs, std::span<const int64_t> ids,
                     const Lists& rows, int n_threads) {
  check_inputs(model, inputs, ids);
  check_rows(model, ids, rows);
  RowScores found;
  found.scores.resize(rows.indices.size());
  const auto take = [&](int64_t first, Workspace& space, Pool&) {
    for (int64_t e = 0; e < space.n_examples(); ++e) {
      const std::span<const RowId> wanted = rows[first + e];
      score(model, wanted, e, space,
            std::span(found.scores).subspan(static_cast<size_t>(rows.indptr[first + e]), wanted.size()));
    }
  };
  found.totals = forward_all(model, inputs, {}, ids,
                             {.n_threads = n_threads, .leaves_last = true, .counts_rows = false}, take);
  return found;
}

}  // namespace fewfire
