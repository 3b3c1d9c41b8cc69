// The seam between a gate and what proposes rows to it: an index answers "which rows may have the
// largest scores for this input?" without reading all of them, and is told when weights change.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "base/inputs.h"
#include "base/ledger.h"
#include "base/pool.h"
#include "base/views.h"
#include "hash/hash.h"
#include "kernels/topk.h"

namespace fewfire {

struct Query {
  SparseVector x;
  uint64_t key = 0;  // names the example by its content (and the epoch, in training)
};

struct Scratch {  // of one thread
  std::vector<float> scores, kept_scores;
  std::vector<RowId> candidates, forced, picked;
  std::vector<uint32_t> codes;
  HashScratch hash;
  RowBuffer part, places;  // of sign.h: the part of a query that it reads, and powers of two
  std::vector<uint64_t> words;
  std::vector<int32_t> groups;  // of sign_rows.h, like sums
  std::vector<float> sums;
  std::vector<uint32_t> stamps;  // stamps[id] == stamp: in the set
  uint32_t stamp = 0;
  Cut cut;

  // Starts an empty set of ids below n without clearing anything.
  void begin_set(int64_t n) {
    if (stamps.size() < static_cast<size_t>(n)) stamps.resize(static_cast<size_t>(n));
    if (++stamp == 0) {
      std::fill(stamps.begin(), stamps.end(), 0);
      stamp = 1;
    }
  }
  bool contains(RowId row) const { return stamps[row] == stamp; }
  bool insert(RowId row) {
    if (contains(row)) return false;
    stamps[row] = stamp;
    return true;
  }
};

class Index {
 public:
  virtual ~Index() = default;
  virtual bool fits(int64_t n_rows, int64_t n_columns) const = 0;  // made for a layer of this shape

  // min(wanted, n_rows) distinct rows, in scratch.candidates.
  virtual void propose(std::span<const float> bias, const Query& query, int64_t wanted, Scratch& scratch,
                       Ledger& ledger) const = 0;
  // Whether they come likeliest first; otherwise their order means nothing.
  virtual bool is_ordered() const { return false; }
  // Computes the codes of all rows afresh.
  virtual Ledger refresh(const Weights& weights, std::span<const float> bias, Pool& pool) = 0;
  virtual int64_t bytes() const = 0;  // of memory, what the family of hashes keeps included
  // Whether it wants to hear of these: the weights of `row` at `columns` crossed zero.
  virtual bool reads_signs() const { return false; }
  virtual void signs_flipped(RowId, std::span<const RowId> /*columns*/, std::span<const float> /*weights*/) {}
};

}  // namespace fewfire
