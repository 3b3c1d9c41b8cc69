// The sign code: bit (j, i) says whether weight j of row i is positive, for the weights as they are
// now. Read as a table per coordinate that is queried with weight x_j, it ranks all rows by
//   s_i = alpha (2 sum_{j: w_ij > 0} x_j - sum_j x_j) + b_i
// with masked additions over the non-zero inputs and one multiplication a row. Bits lie input by
// input, so a scan reads n_rows / 8 bytes per non-zero input.
//
// A query may read the bits of some columns only, the same for every query: drawn once, each with equal
// chance. Both sums then go over those, and alpha is scaled up by the share that is read.
//
// A binary query counts every non-zero input as the mean of them: the masked additions become counts of
// bits, 64 rows to a word, and ten additions a row.
#pragma once

#include "base/inputs.h"
#include "hash/index.h"

namespace fewfire {

class SignIndex : public Index {
 public:
  // n_read: columns that a query reads.
  SignIndex(int64_t n_rows, int64_t n_columns, float alpha, uint64_t seed, int64_t n_read, bool binary);

  bool fits(int64_t n_rows, int64_t n_columns) const override {
    return n_rows == n_rows_ && n_columns == n_columns_;
  }
  std::unique_ptr<IndexScratch> scratch() const override;
  void propose(std::span<const float> bias, const Query& query, int64_t wanted, IndexScratch& scratch,
               std::vector<RowId>& rows, Ledger& ledger) const override;
  Ledger refresh(const Weights& weights, std::span<const float> bias, Pool& pool) override;
  bool reads_signs() const override { return true; }
  void signs_flipped(RowId row, std::span<const RowId> columns, std::span<const float> weights) override;

  int64_t bytes() const override { return bytes_of(reads_, bits_); }

  std::span<const char> reads() const { return reads_; }
  Matrix<const uint64_t> bits() const { return {bits_.data(), n_columns_, n_words_}; }

 private:
  struct Scratch;
  SparseVector read_part(SparseVector x, RowBuffer& part) const;
  void count(SparseVector x, float mean, Scratch& scratch, Ledger& ledger) const;

  int64_t n_rows_, n_columns_, n_words_;
  float alpha_;
  uint64_t seed_;
  bool reads_all_, binary_;
  std::vector<char> reads_;     // of each column, whether a query reads it
  std::vector<uint64_t> bits_;  // n_columns x n_words
};

}  // namespace fewfire
