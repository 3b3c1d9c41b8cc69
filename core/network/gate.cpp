#include "network/gate.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/rng.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"

namespace fewfire {
namespace {

void every_row(int64_t n_rows, std::vector<RowId>& rows) {
  rows.resize(static_cast<size_t>(n_rows));
  std::iota(rows.begin(), rows.end(), 0);
}

void score(const Layer& layer, SparseVector x, std::span<const RowId> rows, std::vector<float>& scores) {
  scores.resize(rows.size());
  kernels().score_rows(layer.weights, layer.bias.data(), rows.data(), 0, static_cast<int64_t>(rows.size()), x,
                       scores.data());
}

void compute_all(const Layer& layer, SparseVector x, Choice& choice, Ledger& ledger) {
  every_row(layer.n_rows(), choice.rows);
  score(layer, x, choice.rows, choice.scores);
  ledger.forward += layer.n_rows() * x.size();
  ledger.rows_touched += layer.n_rows();
}

// Keeps the candidates at `scratch.picked`; the others were scored in vain.
void keep_picked(SparseVector x, const GateScratch& scratch, Choice& choice, Ledger& ledger) {
  for (const RowId i : scratch.picked) {
    choice.rows.push_back(scratch.candidates[i]);
    choice.scores.push_back(scratch.scores[i]);
  }
  const int64_t n_scored = static_cast<int64_t>(scratch.candidates.size());
  const int64_t n_kept = static_cast<int64_t>(scratch.picked.size());
  ledger.forward += n_kept * x.size();
  ledger.ranking += (n_scored - n_kept) * x.size();
  ledger.rows_touched += n_scored;
}

}  // namespace

GateScratch Gate::scratch() const {
  GateScratch scratch;
  if (const Index* own = index()) scratch.index = own->scratch();
  return scratch;
}

int64_t Dropout::capacity(int64_t n_rows, int64_t n_labels, Mode mode) const {
  return mode == Mode::train ? std::min(n_rows, std::max(active_, n_labels)) : n_rows;
}

void Dropout::choose(const Layer& layer, const Query& query, std::span<const RowId> labels, Mode mode,
                     GateScratch& scratch, Choice& choice, Ledger& ledger) const {
  if (mode != Mode::train) return compute_all(layer, query.x, choice, ledger);
  const int64_t n = layer.n_rows(), k = capacity(n, static_cast<int64_t>(labels.size()), mode);
  // Floyd's sample without replacement (Bentley & Floyd, CACM 1987) of the rows that are no label.
  scratch.set.begin(n);
  const int64_t n_labels = static_cast<int64_t>(labels.size()), n_free = n - n_labels;
  for (int64_t j = n_free - (k - n_labels); j < n_free; ++j) {
    const RowId drawn =
        static_cast<RowId>(random_below(j + 1, random_bits(seed_, query.key, static_cast<uint64_t>(j))));
    choice.rows.push_back(scratch.set.insert(drawn) ? drawn : static_cast<RowId>(j));
    scratch.set.insert(choice.rows.back());
  }
  std::sort(choice.rows.begin(), choice.rows.end());
  int64_t n_below = 0;  // place p among the free rows is row p + the labels up to it
  for (RowId& row : choice.rows) {
    while (n_below < n_labels && labels[n_below] <= row + n_below) ++n_below;
    row += static_cast<RowId>(n_below);
  }
  choice.rows.insert(choice.rows.end(), labels.begin(), labels.end());
  std::sort(choice.rows.begin(), choice.rows.end());
  score(layer, query.x, choice.rows, choice.scores);
  choice.scale = static_cast<float>(n) / static_cast<float>(k);
  ledger.forward += k * query.x.size();
  ledger.rows_touched += k;
}

void AdaptiveDropout::choose(const Layer& layer, const Query& query, std::span<const RowId> labels, Mode mode,
                             GateScratch& scratch, Choice& choice, Ledger& ledger) const {
  every_row(layer.n_rows(), scratch.candidates);
  score(layer, query.x, scratch.candidates, scratch.scores);
  for (const float z : scratch.scores)
    choice.factors.push_back(activate(Activation::sigmoid, alpha_ * z + beta_));
  ledger.ranking += 2 * layer.n_rows();  // alpha z, and the division of the sigmoid
  if (mode == Mode::train) {
    draw(query, labels, choice.factors, scratch);
    choice.factors.clear();
  } else {
    scratch.picked = scratch.candidates;
    ledger.ranking += layer.n_rows();  // the factors
  }
  keep_picked(query.x, scratch, choice, ledger);
}

void AdaptiveDropout::draw(const Query& query, std::span<const RowId> labels,
                           std::span<const float> probabilities, GateScratch& scratch) const {
  scratch.set.begin(static_cast<int64_t>(probabilities.size()));
  for (const RowId label : labels) scratch.set.insert(label);
  scratch.picked.clear();
  for (const RowId row : scratch.candidates) {
    // A probability of NaN leaves out nothing, so that a net that diverges shows it.
    const bool is_out = random_uniform(seed_, query.key, static_cast<uint64_t>(row)) >= probabilities[row];
    if (!is_out || scratch.set.contains(row)) scratch.picked.push_back(row);
  }
  if (scratch.picked.empty()) largest(scratch.scores, 1, seed_ ^ mix(query.key), scratch.cut, scratch.picked);
}

int64_t RankingGate::capacity(int64_t n_rows, int64_t n_labels, Mode mode) const {
  if (mode == Mode::exact && !keep_.soft) return n_rows;
  return std::min(n_rows, std::max(keep_.active, n_labels));
}

void RankingGate::choose(const Layer& layer, const Query& query, std::span<const RowId> labels, Mode mode,
                         GateScratch& scratch, Choice& choice, Ledger& ledger) const {
  if (mode == Mode::exact && !keep_.soft) return compute_all(layer, query.x, choice, ledger);
  if (mode == Mode::exact)
    every_row(layer.n_rows(), scratch.candidates);
  else
    propose(layer, query, scratch, ledger);
  const auto forced = mode == Mode::train ? explore(layer.n_rows(), query, labels, scratch) : labels;
  if (!forced.empty()) {
    scratch.set.begin(layer.n_rows());
    for (const RowId row : scratch.candidates) scratch.set.insert(row);
    for (const RowId row : forced)
      if (scratch.set.insert(row)) scratch.candidates.push_back(row);
  }
  score(layer, query.x, scratch.candidates, scratch.scores);
  pick_best(layer.n_rows(), query, forced, scratch, choice);
  keep_picked(query.x, scratch, choice, ledger);
  const size_t n_scored = scratch.candidates.size();
  if (n_scored > choice.rows.size()) ledger.comparisons += static_cast<int64_t>(n_scored);
}

void RankingGate::set_rare(std::span<const RowId> rows, int64_t n_rows) {
  rare_ = checked_distinct(rows, n_rows);
}

// The labels, and rare rows drawn for this example, as far as the budget has room for them.
std::span<const RowId> RankingGate::explore(int64_t n_rows, const Query& query, std::span<const RowId> labels,
                                            GateScratch& scratch) const {
  const int64_t n_labels = static_cast<int64_t>(labels.size()), n_rare = static_cast<int64_t>(rare_.size());
  const int64_t wanted = std::min({keep_.explored, keep_.active - n_labels, n_rare - n_labels});
  if (wanted <= 0) return labels;
  std::vector<RowId>& forced = scratch.forced;
  forced.assign(labels.begin(), labels.end());
  scratch.set.begin(n_rows);
  for (const RowId label : labels) scratch.set.insert(label);
  const uint64_t seed = mix(keep_.seed), n = static_cast<uint64_t>(n_labels + wanted);
  for (uint64_t draw = 0; forced.size() < n; ++draw) {
    const RowId row = rare_[random_below(n_rare, random_bits(seed, query.key, draw))];
    if (scratch.set.insert(row)) forced.push_back(row);
  }
  return forced;
}

void RankingGate::pick_best(int64_t n_rows, const Query& query, std::span<const RowId> forced,
                            GateScratch& scratch, Choice& choice) const {
  const std::vector<RowId>& candidates = scratch.candidates;
  std::vector<float>& ranks = scratch.ranks;
  ranks = scratch.scores;
  if (!forced.empty()) {
    scratch.set.begin(n_rows);
    for (const RowId row : forced) scratch.set.insert(row);
    for (size_t i = 0; i < candidates.size(); ++i)
      if (scratch.set.contains(candidates[i])) ranks[i] = std::numeric_limits<float>::infinity();
  }
  const int64_t budget = std::max(keep_.active, static_cast<int64_t>(forced.size()));
  largest(ranks, budget + (keep_.soft ? 1 : 0), keep_.seed ^ mix(query.key), scratch.cut, scratch.picked);
  std::vector<RowId>& picked = scratch.picked;
  if (static_cast<int64_t>(picked.size()) > budget) {
    const auto lowest =
        std::min_element(picked.begin(), picked.end(), [&](RowId a, RowId b) { return ranks[a] < ranks[b]; });
    choice.threshold = std::max(0.0f, scratch.scores[*lowest]);
    if (keep_.differentiate && choice.threshold > 0.0f) choice.threshold_row = candidates[*lowest];
    picked.erase(lowest);
  }
  std::sort(picked.begin(), picked.end(), [&](RowId a, RowId b) { return candidates[a] < candidates[b]; });
}

void Hashed::propose(const Layer& layer, const Query& query, GateScratch& scratch, Ledger& ledger) const {
  const int64_t wanted = std::max(candidates_, n_weights_ / std::max<int64_t>(1, query.x.size()));
  if (wanted >= layer.n_rows())
    every_row(layer.n_rows(), scratch.candidates);
  else
    index_->propose(layer.bias, query, wanted, *scratch.index, scratch.candidates, ledger);
}

void TopK::propose(const Layer& layer, const Query&, GateScratch& scratch, Ledger&) const {
  every_row(layer.n_rows(), scratch.candidates);
}

int64_t Retrieve::capacity(int64_t n_rows, int64_t n_labels, Mode mode) const {
  return mode == Mode::exact ? n_rows : std::min(n_rows, std::max(active_, n_labels));
}

void Retrieve::set_head(std::span<const RowId> rows, int64_t n_rows) {
  head_ = checked_distinct(rows, n_rows);
  head_bits_.assign(head_.empty() ? 0 : static_cast<size_t>(head_.back() / 64 + 1), 0);
  for (const RowId row : head_) head_bits_[row / 64] |= uint64_t{1} << (row % 64);
}

bool Retrieve::is_head(RowId row) const {
  const size_t word = static_cast<size_t>(row) / 64;
  return word < head_bits_.size() && (head_bits_[word] >> (row % 64) & 1) != 0;
}

void Retrieve::propose(const Layer& layer, const Query& query, std::span<const RowId> labels,
                       GateScratch& scratch, Ledger& ledger) const {
  const int64_t n_rows = layer.n_rows(), n_labels = static_cast<int64_t>(labels.size());
  const size_t budget = static_cast<size_t>(std::min(n_rows, std::max(active_, n_labels)));
  const auto is_label = [&](RowId row) { return std::binary_search(labels.begin(), labels.end(), row); };
  std::vector<RowId>& kept = scratch.forced;
  kept.assign(labels.begin(), labels.end());
  for (const RowId row : head_)
    if (kept.size() < budget && !is_label(row)) kept.push_back(row);
  // Rows that are ranked come in no order that would tell which of them to leave out.
  const int64_t n_left = static_cast<int64_t>(budget - kept.size());
  const int64_t wanted = index_->is_ordered() ? std::min(active_, n_rows) : n_left;
  if (n_left > 0) {
    index_->propose(layer.bias, query, wanted, *scratch.index, scratch.candidates, ledger);
    for (const RowId row : scratch.candidates)
      if (kept.size() < budget && !is_head(row) && !is_label(row)) kept.push_back(row);
  }
  if (kept.size() < budget) {  // some of what was proposed was there already: other rows, drawn uniformly
    scratch.set.begin(n_rows);
    for (const RowId row : kept) scratch.set.insert(row);
    for (uint64_t draw = 0; kept.size() < budget; ++draw) {
      const RowId row = static_cast<RowId>(random_below(n_rows, random_bits(seed_, query.key, draw)));
      if (scratch.set.insert(row)) kept.push_back(row);
    }
  }
  scratch.candidates.swap(kept);
}

void Retrieve::choose(const Layer& layer, const Query& query, std::span<const RowId> labels, Mode mode,
                      GateScratch& scratch, Choice& choice, Ledger& ledger) const {
  if (mode == Mode::exact) {
    every_row(layer.n_rows(), choice.rows);
  } else {
    propose(layer, query, labels, scratch, ledger);
    choice.rows.assign(scratch.candidates.begin(), scratch.candidates.end());
  }
  const int64_t n = static_cast<int64_t>(choice.rows.size());
  if (query.x.size() == layer.n_columns()) {
    choice.scores.resize(choice.rows.size());
    kernels().score_dense(layer.weights, layer.bias.data(), choice.rows.data(), 0, n, query.x.values.data(),
                          choice.scores.data());
  } else {
    score(layer, query.x, choice.rows, choice.scores);
  }
  ledger.forward += n * query.x.size();
  ledger.rows_touched += n;
}

}  // namespace fewfire
