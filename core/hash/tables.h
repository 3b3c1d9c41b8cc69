// Buckets of row ids, one CSR per hash table. Refilled by counting sort, never edited in place: every
// row is in every table exactly once, in ascending order inside its bucket.
#pragma once

#include <memory>

#include "hash/hash.h"
#include "index.h"

namespace fewfire {

enum class Rank {
  votes,  // the rows that share the most buckets with the query
  any     // rows that share a bucket with it, table by table, until there are enough
};

class TableIndex : public Index {
 public:
  TableIndex(std::shared_ptr<const Hash> hash, int64_t n_rows, Rank rank, uint64_t seed);

  bool fits(int64_t n_rows, int64_t n_columns) const override {
    return n_rows == n_rows_ && n_columns == hash_->n_columns();
  }
  void propose(const Layer& layer, const Query& query, int64_t wanted, Scratch& scratch,
               Tally& tally) const override;
  Tally refresh(Matrix<const float> weights, std::span<const float> bias, Pool& pool) override;

  std::span<const RowId> bucket(int table, uint32_t code) const;
  Matrix<const int64_t> offsets() const {
    return {offsets_.data(), hash_->n_tables(), hash_->n_buckets() + 1};
  }
  Matrix<const RowId> rows() const { return {rows_.data(), hash_->n_tables(), n_rows_}; }

 private:
  void fill(int table, Matrix<const uint32_t> codes);
  void propose_by_votes(const Query& query, int64_t wanted, Scratch& scratch, Tally& tally) const;
  void propose_any(const Query& query, int64_t wanted, Scratch& scratch) const;
  void top_up(const Query& query, int64_t wanted, Scratch& scratch) const;

  std::shared_ptr<const Hash> hash_;
  int64_t n_rows_;
  Rank rank_;
  uint64_t seed_;
  std::vector<int64_t> offsets_;  // n_tables x (n_buckets + 1)
  std::vector<RowId> rows_;       // n_tables x n_rows
};

}  // namespace fewfire
