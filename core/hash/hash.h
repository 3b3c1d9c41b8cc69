// The seam of the hash families that fill tables: a family gives a row and a query n_tables codes
// each, and the more alike the two are, the more of their codes agree.
#pragma once

#include <span>
#include <vector>

#include "ledger.h"
#include "pool.h"
#include "views.h"

namespace fewfire {

class Hash {
 public:
  virtual ~Hash() = default;
  virtual int64_t n_columns() const = 0;
  virtual int n_tables() const = 0;
  virtual int64_t n_buckets() const = 0;  // codes are below it
  // codes.row(i): the codes of weight row i, one per table
  virtual Tally hash_rows(Matrix<const float> weights, std::span<const float> bias, Matrix<uint32_t> codes,
                          Pool& pool) const = 0;
  virtual void hash_query(SparseVector x, std::span<uint32_t> codes, Tally& tally) const = 0;
};

}  // namespace fewfire
