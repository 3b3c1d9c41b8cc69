#include "network/ranking.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "kernels/topk.h"

namespace fewfire {
namespace {

constexpr int64_t kBlock = 256;  // rows whose scores are held
constexpr float kNothing = -std::numeric_limits<float>::infinity();

// The k best so far, as a heap with the worst on top. Rows come in ascending order, so of equal scores the
// first stays.
class Best {
 public:
  Best(std::span<RowId> rows, std::span<float> scores) : rows_(rows), scores_(scores) {}

  void add(int64_t first, std::span<const float> scores) {
    for (size_t i = 0; i < scores.size(); ++i) {
      const float score = in_order(scores[i]);
      if (n_ == rows_.size() && !(score > scores_[0])) continue;
      insert(static_cast<RowId>(first) + static_cast<RowId>(i), score);
    }
  }

  void sort() {
    std::vector<std::pair<float, RowId>> pairs;
    for (size_t i = 0; i < n_; ++i) pairs.emplace_back(scores_[i], rows_[i]);
    std::sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    for (size_t i = 0; i < n_; ++i) scores_[i] = pairs[i].first, rows_[i] = pairs[i].second;
  }

 private:
  bool is_worse(size_t a, size_t b) const {
    return scores_[a] != scores_[b] ? scores_[a] < scores_[b] : rows_[a] > rows_[b];
  }
  void swap(size_t a, size_t b) {
    std::swap(scores_[a], scores_[b]);
    std::swap(rows_[a], rows_[b]);
  }
  void insert(RowId row, float score) {
    if (n_ < rows_.size()) {
      size_t at = n_++;
      rows_[at] = row, scores_[at] = score;
      for (; at > 0 && is_worse(at, (at - 1) / 2); at = (at - 1) / 2) swap(at, (at - 1) / 2);
      return;
    }
    rows_[0] = row, scores_[0] = score;
    for (size_t at = 0;;) {
      size_t worst = at;
      for (size_t child = 2 * at + 1; child < std::min(2 * at + 3, n_); ++child)
        if (is_worse(child, worst)) worst = child;
      if (worst == at) return;
      swap(at, worst);
      at = worst;
    }
  }

  std::span<RowId> rows_;
  std::span<float> scores_;
  size_t n_ = 0;
};

void score(const Layer& layer, size_t l, int64_t first, int64_t n, const Workspace& space,
           std::vector<float>& scores) {
  if (space.has_full_input(l)) {
    kernels().score_block(layer.weights, layer.bias.data(), first, n, space.input_matrix(l), scores.data(),
                          kBlock);
    return;
  }
  for (int64_t e = 0; e < space.n_examples(); ++e)
    kernels().score_rows(layer.weights, layer.bias.data(), nullptr, first, n, space.input_of(l, e),
                         scores.data() + e * kBlock);
}

std::vector<float> label_scores(const Layer& layer, size_t l, int64_t e, const Workspace& space) {
  const std::span<const RowId> labels = space.labels[e];
  std::vector<float> scores(labels.size());
  const SparseVector x = space.input_of(l, e);
  kernels().score_rows(layer.weights, layer.bias.data(), labels.data(), 0,
                       static_cast<int64_t>(labels.size()), x, scores.data());
  return scores;
}

// Takes the labels among the rows first .. first + scores.size() - 1 out.
void mask_labels(std::span<const RowId> labels, int64_t first, std::span<float> scores) {
  const int64_t end = first + static_cast<int64_t>(scores.size());
  for (auto at = std::lower_bound(labels.begin(), labels.end(), first); at != labels.end() && *at < end; ++at)
    scores[static_cast<size_t>(*at - first)] = kNothing;
}

// That every row of the last layer was computed for every example.
void count(const Layer& layer, size_t l, Workspace& space) {
  Ledger& ledger = space.threads[0].ledgers[l];
  for (int64_t e = 0; e < space.n_examples(); ++e) {
    const int64_t n_inputs = space.has_full_input(l) ? layer.n_columns() : space.input_of(l, e).size();
    ledger.forward += layer.n_rows() * n_inputs;
    ledger.rows_touched += layer.n_rows();
  }
  std::vector<int64_t>& usage = space.threads[0].usage[l];
  const int64_t n_chosen = space.n_examples() * layer.n_rows() / static_cast<int64_t>(usage.size());
  for (int64_t& rows : usage) rows += n_chosen;
}

// The last layer, of all examples, block by block.
void rank_all(const Model& model, Workspace& space, bool wants_losses, Matrix<RowId> rows,
              Matrix<float> scores) {
  const size_t l = model.layers.size() - 1, batch = static_cast<size_t>(space.n_examples());
  const Layer& layer = model.layers[l];
  std::fill(rows.data, rows.data + rows.rows * rows.cols, RowId{-1});
  std::fill(scores.data, scores.data + scores.rows * scores.cols, kNothing);
  std::vector<Best> best;
  std::vector<std::vector<float>> of_labels;
  std::vector<RunningLoss> losses;
  for (int64_t e = 0; e < space.n_examples(); ++e) {
    best.emplace_back(rows.row(e), scores.row(e));
    of_labels.push_back(label_scores(layer, l, e, space));
    losses.emplace_back(model.loss, of_labels.back());
  }
  std::vector<float> block(batch * kBlock), scratch(kBlock);
  for (int64_t first = 0; first < layer.n_rows(); first += kBlock) {
    const int64_t n = std::min(kBlock, layer.n_rows() - first);
    score(layer, l, first, n, space, block);
    for (size_t e = 0; e < batch; ++e) {
      const auto own = std::span(block).subspan(e * kBlock, static_cast<size_t>(n));
      best[e].add(first, own);
      if (!wants_losses) continue;
      mask_labels(space.labels[e], first, own);
      losses[e].add(own, std::span(scratch).first(own.size()));
    }
  }
  space.losses.clear();
  for (size_t e = 0; e < batch; ++e) {
    best[e].sort();
    if (wants_losses) space.losses.push_back(losses[e].value());
  }
  count(layer, l, space);
}

}  // namespace

bool ranks_all(const Model& model, Mode mode) {
  const Layer& last = model.layers.back();
  if (last.is_bag || last.activation != Activation::linear || model.loss == Loss::squared) return false;
  return !last.gate || (mode == Mode::exact && last.gate->is_plain_when_exact() &&
                        last.gate->capacity(last.n_rows(), 0, mode) == last.n_rows());
}

void find_best(const Model& model, Workspace& space, bool wants_losses, Matrix<RowId> rows,
               Matrix<float> scores) {
  if (space.leaves_last) return rank_all(model, space, wants_losses, rows, scores);
  for (int64_t e = 0; e < space.n_examples(); ++e)
    best(space.layers.back().active(e), rows.row(e), scores.row(e), space.threads[0].ids);
}

void best(SparseVector scored, std::span<RowId> rows, std::span<float> scores, std::vector<RowId>& order) {
  order.resize(scored.ids.size());
  std::iota(order.begin(), order.end(), 0);
  const auto better = [&](RowId a, RowId b) {
    const float x = scored.values[a], y = scored.values[b];
    return x != y ? x > y || (x != x && y == y) : scored.ids[a] < scored.ids[b];
  };
  const size_t n = std::min(order.size(), rows.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<int64_t>(n), order.end(), better);
  std::fill(rows.begin(), rows.end(), RowId{-1});
  std::fill(scores.begin(), scores.end(), kNothing);
  for (size_t i = 0; i < n; ++i) {
    rows[i] = scored.ids[order[i]];
    scores[i] = scored.values[order[i]];
  }
}

}  // namespace fewfire
