// Signed random projections (Charikar, STOC 2002): a bit is the sign of the inner product with a random
// vector, so two vectors at angle theta agree in it with probability 1 - theta / pi. A code packs n_bits
// of them.
//
// An angle is no inner product: rows of unequal norms want a transform that makes one of the other. With
// the row r = (w, b), the query q = (x, 1) and M the largest norm of a row at the last fit,
//   sign_alsh  P(r) = (v, 1/2 - |v|^2, 1/2 - |v|^4, ..., 1/2 - |v|^(2^m)),  v = (U / M) r,  Q(q) = (q, 0)
//              (Shrivastava & Li, UAI 2015)
//   simple     P(r) = (v, sqrt(1 - |v|^2)),  v = r / M,  Q(q) = (q, 0)      (Neyshabur & Srebro, ICML 2015)
//   none       w against x; no bias
// Centring takes the mean row from all rows, which shifts the scores of a query alike, and a mean input c
// from all queries, for which rows pay in the bias: w x + b = w (x - c) + (b + w c).
#pragma once

#include <memory>

#include "hash/projection.h"

namespace fewfire {

enum class Mips { none, sign_alsh, simple };

struct SimHashOptions {
  int n_bits = 6, n_tables = 50;
  int n_visited = 1;  // buckets of each table that a query visits, <= 2^n_bits
  ProjectionKind projection = ProjectionKind::gaussian;
  Mips mips = Mips::none;
  int norm_powers = 2;         // m of sign_alsh
  float largest_norm = 0.75f;  // U of sign_alsh: of a row, after scaling
  bool center = false;
};

class SimHash : public Hash {
 public:
  SimHash(int64_t n_columns, const SimHashOptions& options, uint64_t seed);

  int64_t n_columns() const override { return n_columns_; }
  int n_tables() const override { return options_.n_tables; }
  int64_t n_buckets() const override { return int64_t{1} << options_.n_bits; }
  int n_visited() const override { return options_.n_visited; }
  int bits_per_code() const override { return options_.n_bits; }
  Ledger fit(const Weights& weights, std::span<const float> bias, Pool& pool) override;
  Ledger hash_rows(const Weights& weights, std::span<const float> bias, std::span<const RowId> rows,
                   Matrix<uint32_t> codes, Pool& pool) const override;
  std::unique_ptr<HashScratch> scratch() const override;
  void hash_query(SparseVector x, Matrix<uint32_t> codes, HashScratch& scratch,
                  Ledger& ledger) const override;

  void set_center(std::span<const float> center) override { center_.assign(center.begin(), center.end()); }
  void set_draws(std::span<const uint32_t> draws) override;
  int64_t bytes() const override {
    return projection_->bytes() + bytes_of(draws_, mean_row_, center_, center_products_);
  }
  const Projection& projection() const { return *projection_; }
  // What of a row is projected.
  void transform(std::span<const float> row, float bias, std::vector<float>& values) const;

 private:
  struct Scratch;
  bool has_bias() const { return options_.mips != Mips::none || options_.center; }
  int64_t n_extra() const;
  void take_mean(const Weights& weights, std::span<const float> bias, Pool& pool);
  float largest_square(const Weights& weights, std::span<const float> bias, Pool& pool) const;
  float centred_bias(std::span<const float> row, float bias) const;
  void augment(std::span<const float> row, float bias, std::vector<float>& values) const;
  int64_t transform_cost() const;

  int64_t n_columns_;
  SimHashOptions options_;
  uint64_t seed_;
  std::vector<uint32_t> draws_;  // of each table
  std::unique_ptr<Projection> projection_;
  float scale_ = 1.0f;                    // of rows
  std::vector<float> mean_row_, center_;  // of (w, b); of x
  std::vector<float> center_products_;
};

}  // namespace fewfire
