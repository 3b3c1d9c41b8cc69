#include "hash/minhash.h"

#include <algorithm>

#include "base/check.h"
#include "base/rng.h"
#include "hash/valid.h"

namespace fewfire {

MinHash::MinHash(int64_t n_columns, int n_hashes, int n_tables, int n_bits, uint64_t seed)
    : DensifiedHash(n_columns, n_hashes, n_tables, seed), n_bits_(n_bits), seed_(seed) {
  require(n_hashes >= 1 && n_hashes <= kMaxHashes, "n_hashes must be in 1 .. 16");
  check_bits(n_bits);
}

// A key names its coordinate, and its high bits the bin: a bin is a stretch of the random order.
void MinHash::drop(SparseVector x, std::span<uint64_t> keys, Ledger& ledger) const {
  for (int64_t k = 0; k < x.size(); ++k) {
    if (!(x.values[k] > 0.0f)) continue;
    const uint64_t key = random_bits(seed_, 0, static_cast<uint64_t>(x.ids[k]));
    uint64_t& least = keys[random_below(n_bins(), key)];
    least = std::min(least, key);
  }
  ledger.comparisons += x.size();
}

uint32_t MinHash::code(std::span<const uint64_t> keys) const {
  uint64_t mixed = 0;
  for (const uint64_t key : keys) mixed = mix(mixed ^ key);
  return static_cast<uint32_t>(mixed >> (64 - n_bits_));
}

}  // namespace fewfire
