#include "hash/sign.h"

#include <atomic>

#include "kernels.h"
#include "simd.h"

namespace fewfire {

SignIndex::SignIndex(int64_t n_rows, int64_t n_columns, float alpha, uint64_t seed)
    : n_rows_(n_rows),
      n_columns_(n_columns),
      n_words_((n_rows + 63) / 64),
      alpha_(alpha),
      seed_(seed),
      bits_(n_columns * n_words_) {}

Tally SignIndex::refresh(Matrix<const float> weights, std::span<const float>, Pool& pool) {
  pool.parallel_for(n_words_, 1, [&](int64_t word, int) {
    for (int64_t j = 0; j < n_columns_; ++j) bits_[j * n_words_ + word] = 0;
    for (int64_t i = word * 64; i < std::min(n_rows_, (word + 1) * 64); ++i) {
      const std::span<const float> row = weights.row(i);
      for (int64_t j = 0; j < n_columns_; ++j)
        bits_[j * n_words_ + word] |= uint64_t{row[j] > 0.0f} << (i % 64);
    }
  });
  return {.comparisons = n_rows_ * n_columns_};
}

void SignIndex::signs_flipped(RowId row, std::span<const RowId> columns, std::span<const float> weights) {
  const uint64_t bit = uint64_t{1} << (row % 64);
  for (const RowId j : columns) {
    // Atomic, because asynchronous threads share a word for 64 rows and must not undo each other.
    const std::atomic_ref<uint64_t> word(bits_[j * n_words_ + row / 64]);
    if (weights[j] > 0.0f)
      word.fetch_or(bit, std::memory_order_relaxed);
    else
      word.fetch_and(~bit, std::memory_order_relaxed);
  }
}

void SignIndex::propose(const Layer& layer, const Query& query, int64_t wanted, Scratch& scratch,
                        Tally& tally) const {
  scratch.scores.resize(static_cast<size_t>(n_words_ * 64));
  kernels().masked_sum(bits(), query.x, scratch.scores.data());
  float total = 0.0f;
  for (const float x : query.x.values) total += x;
  for (int64_t i = 0; i < n_rows_; ++i)
    scratch.scores[i] = alpha_ * (2.0f * scratch.scores[i] - total) + layer.bias[i];
  largest({scratch.scores.data(), static_cast<size_t>(n_rows_)}, wanted, seed_ ^ query.key, scratch.cut,
          scratch.candidates);
  tally.additions += n_rows_ * query.x.size();
  tally.ranking += n_rows_;
  tally.comparisons += n_rows_;
}

}  // namespace fewfire
