// The sign code: bit (j, i) says whether weight j of row i is positive, for the weights as they are
// now. Read as a table per coordinate that is queried with weight x_j, it ranks all rows by
//   s_i = alpha_i (2 sum_{j: w_ij > 0} beta_j x_j - sum_j beta_j x_j) + offset_i + b_i
// with masked additions over the non-zero inputs, one multiplication each and one a row. Bits lie input by
// input, so a scan reads n_rows / 8 bytes per non-zero input.
//
// alpha_i is given and beta_j is 1, or they are measured so that alpha_i beta_j is near |w_ij| (after
// Rastegari et al., ECCV 2016): beta_j is the mean |w_ij| of the column, which evens out features of
// different units, and alpha_i what brings a row nearest to its signs. offset_i makes the score of the mean
// input m exact, which else decides who wins:
//   offset_i = w_i . m - alpha_i (2 sum_{j: w_ij > 0} beta_j m_j - sum_j beta_j m_j)
// All are measured when codes are refreshed, alpha_i and offset_i also when a row is told to have changed; a
// weight that crosses zero changes its bit and the offset at once.
//
// A query may read the bits of some columns only, the same for every query: drawn once, each with equal
// chance. The sums then go over those, and alpha is scaled up by the share that is read.
//
// A binary query counts every non-zero input as the mean of them, and beta_j is 1: the masked additions
// become counts of bits, 64 rows to a word, and ten additions a row.
#pragma once

#include "base/inputs.h"
#include "hash/index.h"

namespace fewfire {

class SignIndex : public Index {
 public:
  // alpha: of all rows; 0: each has its own. n_read: columns that a query reads.
  SignIndex(int64_t n_rows, int64_t n_columns, float alpha, uint64_t seed, int64_t n_read, bool binary);

  bool fits(int64_t n_rows, int64_t n_columns) const override {
    return n_rows == n_rows_ && n_columns == n_columns_;
  }
  std::unique_ptr<IndexScratch> scratch() const override;
  void propose(std::span<const float> bias, const Query& query, int64_t wanted, IndexScratch& scratch,
               std::vector<RowId>& rows, Ledger& ledger) const override;
  Ledger refresh(const Weights& weights, std::span<const float> bias, Pool& pool) override;
  void set_center(std::span<const float> center) override;
  bool reads_signs() const override { return true; }
  void signs_flipped(RowId row, std::span<const RowId> columns, std::span<const float> weights) override;
  void mean_moved(RowId row, float by) override {
    if (!center_.empty()) offsets_[row] += by;
  }
  void row_changed(RowId row, std::span<const float> weights, Ledger& ledger) override;

  int64_t bytes() const override { return bytes_of(reads_, bits_, alphas_, betas_, offsets_, center_); }

  std::span<const char> reads() const { return reads_; }
  Matrix<const float> alphas() const { return {alphas_.data(), 1, n_rows_}; }
  Matrix<const float> betas() const { return {betas_.data(), 1, n_columns_}; }
  Matrix<const float> offsets() const { return {offsets_.data(), 1, n_rows_}; }
  Matrix<const uint64_t> bits() const { return {bits_.data(), n_columns_, n_words_}; }

 private:
  struct Scratch;
  bool has_betas() const { return alpha_ == 0.0f && !binary_; }
  void measure_columns(const Weights& weights);
  SparseVector read_part(SparseVector x, RowBuffer& part, Ledger& ledger) const;
  void count(SparseVector x, float mean, Scratch& scratch, Ledger& ledger) const;

  int64_t n_rows_, n_columns_, n_words_;
  float alpha_;  // of all rows, or 0
  float share_;  // of the columns that are read
  uint64_t seed_;
  bool reads_all_, binary_;
  std::vector<char> reads_;              // of each column, whether a query reads it
  std::vector<uint64_t> bits_;           // n_columns x n_words
  std::vector<float> alphas_, offsets_;  // of each row
  std::vector<float> betas_;             // of each column, 0 where a query does not read it
  float betas_squared_ = 0.0f;           // their sum
  std::vector<float> center_;
};

}  // namespace fewfire
