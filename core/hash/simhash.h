// Signed random projections (Charikar, STOC 2002): a bit is the sign of the inner product with a
// Gaussian vector, so two vectors at angle theta agree in it with probability 1 - theta / pi. A code
// packs n_bits of them.
#pragma once

#include "hash/hash.h"

namespace fewfire {

class SimHash : public Hash {
 public:
  SimHash(int64_t n_columns, int n_bits, int n_tables, uint64_t seed);

  int64_t n_columns() const override { return n_columns_; }
  int n_tables() const override { return n_tables_; }
  int64_t n_buckets() const override { return int64_t{1} << n_bits_; }
  Tally hash_rows(Matrix<const float> weights, std::span<const float> bias, Matrix<uint32_t> codes,
                  Pool& pool) const override;
  void hash_query(SparseVector x, std::span<uint32_t> codes, Tally& tally) const override;

  // n_columns x (n_tables * n_bits): an input reads one contiguous row for all of its products.
  Matrix<const float> projections() const { return {projections_.data(), n_columns_, width()}; }

 private:
  int64_t width() const { return int64_t{n_tables_} * n_bits_; }
  void pack(std::span<const float> products, std::span<uint32_t> codes) const;

  int64_t n_columns_;
  int n_bits_, n_tables_;
  std::vector<float> projections_;
};

}  // namespace fewfire
