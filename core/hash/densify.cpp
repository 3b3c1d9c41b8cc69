#include "hash/densify.h"

#include <algorithm>
#include <cassert>

#include "base/rng.h"
#include "hash/valid.h"
#include "kernels/widen.h"

namespace fewfire {
namespace {

constexpr int64_t kGrain = 16;      // rows a thread takes at a time
constexpr uint64_t kAttempts = 64;  // random steps of a walk; then it goes from bin to bin

}  // namespace

int64_t densify(std::span<const uint64_t> keys, uint64_t seed, std::span<uint64_t> filled) {
  const int64_t n = static_cast<int64_t>(keys.size());
  int64_t n_asked = 0;
  for (int64_t bin = 0; bin < n; ++bin) {
    int64_t asked = bin;
    for (uint64_t attempt = 0; keys[asked] == kEmpty; ++attempt, ++n_asked)
      asked = attempt < kAttempts ? random_below(n, random_bits(seed, static_cast<uint64_t>(bin), attempt))
                                  : (asked + 1) % n;
    filled[bin] = keys[asked];
  }
  return n_asked;
}

struct DensifiedHash::Scratch : HashScratch {
  std::vector<uint64_t> keys, filled;
  std::vector<float> widened;
  std::vector<RowId> ids;
};

std::unique_ptr<HashScratch> DensifiedHash::scratch() const { return std::make_unique<Scratch>(); }

// The walks have a seed of their own: the families draw their bins from the other.
DensifiedHash::DensifiedHash(int64_t n_columns, int n_hashes, int n_tables, uint64_t seed)
    : n_columns_(n_columns), n_hashes_(n_hashes), n_tables_(n_tables), walk_seed_(mix(seed)) {
  check_shape(n_columns, n_tables);
}

void DensifiedHash::hash(SparseVector x, std::span<uint32_t> codes, Scratch& scratch, Ledger& ledger) const {
  std::vector<uint64_t>&keys = scratch.keys, &filled = scratch.filled;
  keys.assign(static_cast<size_t>(n_bins()), kEmpty);
  drop(x, keys, ledger);
  if (std::ranges::count(keys, kEmpty) == n_bins()) {
    std::ranges::fill(codes, 0u);
    return;
  }
  filled.resize(keys.size());
  ledger.comparisons += densify(keys, walk_seed_, filled);
  const size_t n = static_cast<size_t>(n_hashes_);
  for (size_t table = 0; table < codes.size(); ++table) {
    codes[table] = code(std::span(filled).subspan(table * n, n));
    assert(codes[table] < n_buckets());
  }
}

Ledger DensifiedHash::hash_rows(const Weights& weights, std::span<const float>, std::span<const RowId> rows,
                                Matrix<uint32_t> codes, Pool& pool) const {
  std::vector<Scratch> scratch(static_cast<size_t>(pool.size()));
  std::vector<Ledger> ledgers(scratch.size());
  pool.parallel_for(static_cast<int64_t>(rows.size()), kGrain, [&](int64_t i, int thread) {
    Scratch& own = scratch[thread];
    hash(all_of(read_row(weights, rows[i], own.widened), own.ids), codes.row(i), own, ledgers[thread]);
  });
  Ledger total;
  for (const Ledger& ledger : ledgers) total += ledger;
  return total;
}

void DensifiedHash::hash_query(SparseVector x, Matrix<uint32_t> codes, HashScratch& scratch,
                               Ledger& ledger) const {
  hash(x, {codes.data, static_cast<size_t>(codes.rows)}, static_cast<Scratch&>(scratch), ledger);
}

}  // namespace fewfire
