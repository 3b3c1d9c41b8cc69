#include "hash/sign_rows.h"

#include <atomic>

#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "kernels/widen.h"

namespace fewfire {
namespace {

// The sums of x over every pattern of the columns 4 g .. 4 g + 3, for each group g that holds an input.
void sum_patterns(SparseVector x, std::vector<int32_t>& groups, std::vector<float>& sums) {
  groups.clear();
  sums.clear();
  for (int64_t k = 0; k < x.size();) {
    const int32_t group = x.ids[k] / 4;
    float values[4] = {};
    for (; k < x.size() && x.ids[k] / 4 == group; ++k) values[x.ids[k] % 4] = x.values[k];
    groups.push_back(group);
    const size_t begin = sums.size();
    sums.resize(begin + 16);
    float* of = sums.data() + begin;
    of[0] = 0.0f;
    for (int bit = 0; bit < 4; ++bit)
      for (int pattern = 0; pattern < 1 << bit; ++pattern)
        of[(1 << bit) + pattern] = of[pattern] + values[bit];
  }
}

}  // namespace

SignRows::SignRows(int64_t n_rows, int64_t n_columns, float alpha)
    : n_rows_(n_rows),
      n_columns_(n_columns),
      n_words_((n_columns + 63) / 64),
      alpha_(alpha),
      bits_(static_cast<size_t>(n_rows * n_words_)) {}

void SignRows::refresh(const Weights& weights, std::span<const RowId> rows, Pool& pool, Ledger& ledger) {
  std::vector<std::vector<float>> widened(static_cast<size_t>(pool.size()));
  pool.parallel_for(static_cast<int64_t>(rows.size()), 64, [&](int64_t i, int thread) {
    const std::span<const float> row = read_row(weights, rows[i], widened[thread]);
    uint64_t* words = bits_.data() + rows[i] * n_words_;
    std::fill(words, words + n_words_, 0);
    for (int64_t j = 0; j < n_columns_; ++j) words[j / 64] |= uint64_t{row[j] > 0.0f} << (j % 64);
  });
  ledger.comparisons += static_cast<int64_t>(rows.size()) * n_columns_;
}

void SignRows::flip(RowId row, std::span<const RowId> columns, std::span<const float> weights) {
  for (const RowId j : columns) {
    // Atomic, because two asynchronous threads may change the same row.
    const std::atomic_ref<uint64_t> word(bits_[row * n_words_ + j / 64]);
    const uint64_t bit = uint64_t{1} << (j % 64);
    if (weights[j] > 0.0f)
      word.fetch_or(bit, std::memory_order_relaxed);
    else
      word.fetch_and(~bit, std::memory_order_relaxed);
  }
}

void SignRows::score(std::span<const float> bias, SparseVector x, std::span<const RowId> rows,
                     Scratch& scratch, std::vector<float>& scores, Ledger& ledger) const {
  sum_patterns(x, scratch.groups, scratch.sums);
  scores.resize(rows.size());
  const int64_t n = static_cast<int64_t>(rows.size()), n_groups = static_cast<int64_t>(scratch.groups.size());
  kernels().pattern_sum(bits(), rows.data(), n, scratch.groups.data(), scratch.sums.data(), n_groups,
                        scores.data());
  float total = 0.0f;
  for (const float value : x.values) total += value;
  for (int64_t i = 0; i < n; ++i) scores[i] = alpha_ * (2.0f * scores[i] - total) + bias[rows[i]];
  ledger.additions += 15 * n_groups + n * n_groups;
  ledger.ranking += n;
}

}  // namespace fewfire
