// The count of work done, per layer. Multiplications by purpose, cheaper operations apart, and what
// the dense net would have multiplied for the same examples.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace fewfire {

struct Ledger {
  int64_t forward = 0;             // kept rows x non-zero inputs
  int64_t backward = 0;            // weight gradients and input deltas
  int64_t optimizer = 0;           // steps and owed decay: see optimizer.cpp
  int64_t hashing = 0;             // of queries
  int64_t ranking = 0;             // scores of candidates that were not kept, and of codes
  int64_t refresh = 0;             // codes of rows
  int64_t dense = 0;               // the dense net, no zero skipped, its optimizer not counted
  int64_t dense_nonzero = 0;       // the same, zeros of the data skipped
  int64_t additions = 0;           // of masked sums and collision counts
  int64_t comparisons = 0;         // of cuts and sign tests
  int64_t popcounts = 0;           // words of 64 bits that were counted
  int64_t rows_touched = 0;        // rows whose weights were read
  int64_t parameters_touched = 0;  // parameters that were changed
  int64_t rows_updated = 0;        // rows that were changed, once for each step that did
  int64_t conflicts = 0;           // of those: another thread's step changed the row while this one ran

  static constexpr std::array kFields = {
      "forward",   "backward",     "optimizer",          "hashing",      "ranking",
      "refresh",   "dense",        "dense_nonzero",      "additions",    "comparisons",
      "popcounts", "rows_touched", "parameters_touched", "rows_updated", "conflicts"};
  std::array<int64_t, kFields.size()> values() const {
    return {forward,   backward,     optimizer,          hashing,      ranking,
            refresh,   dense,        dense_nonzero,      additions,    comparisons,
            popcounts, rows_touched, parameters_touched, rows_updated, conflicts};
  }
  Ledger& operator+=(const Ledger& other) {
    forward += other.forward, backward += other.backward, optimizer += other.optimizer;
    hashing += other.hashing, ranking += other.ranking, refresh += other.refresh;
    dense += other.dense, dense_nonzero += other.dense_nonzero;
    additions += other.additions, comparisons += other.comparisons, popcounts += other.popcounts;
    rows_touched += other.rows_touched, parameters_touched += other.parameters_touched;
    rows_updated += other.rows_updated, conflicts += other.conflicts;
    return *this;
  }
};

}  // namespace fewfire
