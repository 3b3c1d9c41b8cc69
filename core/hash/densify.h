// Families that hash by bins: the coordinates of a vector drop keys into bins, a bin keeps its least key,
// and the keys of the n_hashes bins of a table make its code.
//
// An empty bin borrows the key of a full one, the first on a walk that only the seed and the bin decide,
// so any two vectors ask the same bins in the same order (optimal densification: Shrivastava, ICML 2017).
// A vector that fills no bin has code 0 in every table.
#pragma once

#include "hash/hash.h"

namespace fewfire {

constexpr uint64_t kEmpty = ~uint64_t{0};  // the key of a bin into which nothing fell

// filled[b] = keys[b] or, where that is kEmpty, what bin b borrows. A key at least is not kEmpty.
// Returns how many bins were asked.
int64_t densify(std::span<const uint64_t> keys, uint64_t seed, std::span<uint64_t> filled);

class DensifiedHash : public Hash {
 public:
  DensifiedHash(int64_t n_columns, int n_hashes, int n_tables, uint64_t seed);

  int64_t n_columns() const override { return n_columns_; }
  int n_tables() const override { return n_tables_; }
  Ledger hash_rows(const Weights& weights, std::span<const float> bias, std::span<const RowId> rows,
                   Matrix<uint32_t> codes, Pool& pool) const override;
  std::unique_ptr<HashScratch> scratch() const override;
  void hash_query(SparseVector x, Matrix<uint32_t> codes, HashScratch& scratch,
                  Ledger& ledger) const override;

 protected:
  int n_hashes() const { return n_hashes_; }
  int64_t n_bins() const { return int64_t{n_hashes_} * n_tables_; }
  // Lowers keys[b] to the least key that x drops into bin b; a zero of x drops none.
  virtual void drop(SparseVector x, std::span<uint64_t> keys, Ledger& ledger) const = 0;
  // The code of a table, from the keys of its bins
  virtual uint32_t code(std::span<const uint64_t> keys) const = 0;

 private:
  struct Scratch;
  void hash(SparseVector x, std::span<uint32_t> codes, Scratch& scratch, Ledger& ledger) const;

  int64_t n_columns_;
  int n_hashes_, n_tables_;
  uint64_t walk_seed_;
};

}  // namespace fewfire
