// The seam of the hash families that fill buckets: a family gives a row a code in each of n_tables
// tables, and a query the codes of the buckets where rows with a large inner product lie.
#pragma once

#include <memory>
#include <numeric>
#include <span>
#include <stdexcept>
#include <vector>

#include "base/ledger.h"
#include "base/pool.h"
#include "base/weights.h"

namespace fewfire {

// What a family keeps between the queries of one thread. Each makes its own.
struct HashScratch {
  virtual ~HashScratch() = default;
};

// A dense row as a query; `ids` are kept as 0, 1, 2, ...
inline SparseVector all_of(std::span<const float> values, std::vector<RowId>& ids) {
  if (ids.size() < values.size()) {
    ids.resize(values.size());
    std::iota(ids.begin(), ids.end(), 0);
  }
  return {std::span(ids).first(values.size()), values};
}

class Hash {
 public:
  virtual ~Hash() = default;
  virtual int64_t n_columns() const = 0;
  virtual int n_tables() const = 0;
  virtual int64_t n_buckets() const = 0;           // of a table; codes are below it
  virtual int n_visited() const { return 1; }      // buckets of each table that a query visits
  virtual int64_t bytes() const = 0;               // of memory
  virtual int bits_per_code() const { return 0; }  // whose Hamming distance means something; 0: none

  // The mean input, for a family that takes it from queries; it counts from the next fit on.
  virtual void set_center(std::span<const float> /*center*/) {}
  // How often each table's functions have been drawn anew, for a family that can; codes from before hold no
  // longer for the tables whose number changed.
  virtual void set_draws(std::span<const uint32_t> /*draws*/) {
    throw std::invalid_argument("the functions of this family cannot be drawn anew");
  }
  // A family of the same make that has not learned from rows yet; null where nothing is learned.
  virtual std::unique_ptr<Hash> unfitted() const { return nullptr; }
  // Learns what concerns the rows as a whole; codes from before hold no longer.
  virtual Ledger fit(const Weights& /*weights*/, std::span<const float> /*bias*/, Pool&) { return {}; }
  // What the fit learned and only the rows of that time could tell again, for files: none in most families.
  // No more rows than buckets; the columns are known before the first fit.
  virtual Matrix<const float> learned() const { return {}; }
  virtual void restore(Matrix<const float> /*learned*/, Pool&) {}
  // Lets what was learned follow some rows that changed; codes.row(i) are those of row i, still the old ones.
  virtual Ledger follow(const Weights& /*weights*/, std::span<const float> /*bias*/,
                        std::span<const RowId> /*rows*/, Matrix<const uint32_t> /*codes*/, Pool&) {
    return {};
  }
  // codes.row(i): the codes of weight row rows[i], one per table
  virtual Ledger hash_rows(const Weights& weights, std::span<const float> bias, std::span<const RowId> rows,
                           Matrix<uint32_t> codes, Pool& pool) const = 0;
  virtual std::unique_ptr<HashScratch> scratch() const = 0;
  // codes.row(t): the buckets of table t that x visits, the likeliest first; `scratch` comes from this family
  virtual void hash_query(SparseVector x, Matrix<uint32_t> codes, HashScratch& scratch,
                          Ledger& ledger) const = 0;
};

}  // namespace fewfire
