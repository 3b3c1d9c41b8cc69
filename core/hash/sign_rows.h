// Sign bits of the live weights, row by row: ranks a few candidates among many rows by
//   s_i = alpha (2 sum_{j: w_ij > 0} x_j - sum_j x_j) + b_i
// where SignIndex (sign.h), whose bits lie input by input, would scan them all. A query first sums its
// inputs over all 16 patterns of four neighbouring columns; a row then costs one addition for every four
// columns that hold an input, and reads n_columns / 8 bytes.
#pragma once

#include <span>
#include <vector>

#include "base/ledger.h"
#include "base/pool.h"
#include "base/weights.h"

namespace fewfire {

class SignRows {
 public:
  struct Scratch {  // of one thread
    std::vector<int32_t> groups;
    std::vector<float> sums;
  };

  SignRows(int64_t n_rows, int64_t n_columns, float alpha);

  void refresh(const Weights& weights, std::span<const RowId> rows, Pool& pool, Ledger& ledger);
  void flip(RowId row, std::span<const RowId> columns, std::span<const float> weights);
  void score(std::span<const float> bias, SparseVector x, std::span<const RowId> rows, Scratch& scratch,
             std::vector<float>& scores, Ledger& ledger) const;

  int64_t bytes() const { return bytes_of(bits_); }
  Matrix<const uint64_t> bits() const { return {bits_.data(), n_rows_, n_words_}; }

 private:
  int64_t n_rows_, n_columns_, n_words_;
  float alpha_;
  std::vector<uint64_t> bits_;  // n_rows x n_words
};

}  // namespace fewfire
