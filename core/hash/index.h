// The seam between a gate and what proposes rows to it: an index answers "which rows may have the
// largest scores for this input?" without reading all of them, and is told when weights change.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/ledger.h"
#include "base/pool.h"
#include "base/weights.h"

namespace fewfire {

struct Query {
  SparseVector x;
  uint64_t key = 0;  // names the example by its content (and the epoch, in training)
};

// What an index keeps between the queries of one thread. Each makes its own.
struct IndexScratch {
  virtual ~IndexScratch() = default;
};

class Index {
 public:
  virtual ~Index() = default;
  virtual bool fits(int64_t n_rows, int64_t n_columns) const = 0;  // made for a layer of this shape

  virtual std::unique_ptr<IndexScratch> scratch() const = 0;
  // Leaves min(wanted, n_rows) distinct rows in `rows`; `scratch` comes from this index.
  virtual void propose(std::span<const float> bias, const Query& query, int64_t wanted, IndexScratch& scratch,
                       std::vector<RowId>& rows, Ledger& ledger) const = 0;
  // Whether they come likeliest first; otherwise their order means nothing.
  virtual bool is_ordered() const { return false; }
  // Computes the codes of all rows afresh.
  virtual Ledger refresh(const Weights& weights, std::span<const float> bias, Pool& pool) = 0;
  // The mean input, 0 if none is given; it counts from the next refresh on.
  virtual void set_center(std::span<const float>) {}
  virtual int64_t bytes() const = 0;  // of memory, what the family of hashes keeps included
  // Whether it wants to hear of these: the weights of `row` at `columns` crossed zero.
  virtual bool reads_signs() const { return false; }
  virtual void signs_flipped(RowId, std::span<const RowId> /*columns*/, std::span<const float> /*weights*/) {}
  // The product of the row with the mean input has changed.
  virtual void mean_moved(RowId, float /*by*/) {}
  // All weights of the row have.
  virtual void row_changed(RowId, std::span<const float> /*weights*/, Ledger&) {}
};

}  // namespace fewfire
