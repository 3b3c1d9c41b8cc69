#include "hash/dwta.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/rng.h"

namespace fewfire {
namespace {

constexpr int64_t kBinSize = 1 << Dwta::kPlaceBits;

// The larger of two numbers comes first.
uint32_t descending(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return bits >> 31 != 0 ? bits : bits ^ 0x7fffffffu;
}

}  // namespace

Dwta::Dwta(int64_t n_columns, int n_hashes, int n_tables, uint64_t seed)
    : DensifiedHash(n_columns, n_hashes, n_tables, seed) {
  require(n_hashes >= 1 && n_hashes <= kMaxHashes, "n_hashes must be in 1 .. 8");
  const int64_t bins_each = std::max<int64_t>(1, n_columns / kBinSize);
  n_permutations_ = (n_bins() + bins_each - 1) / bins_each;
  places_.assign(static_cast<size_t>(n_columns * n_permutations_), -1);
  std::vector<int64_t> order(static_cast<size_t>(n_columns));
  for (int64_t p = 0; p < n_permutations_; ++p) {
    std::iota(order.begin(), order.end(), 0);
    for (int64_t i = n_columns - 1; i > 0; --i)
      std::swap(
          order[i],
          order[random_below(i + 1, random_bits(seed, static_cast<uint64_t>(p), static_cast<uint64_t>(i)))]);
    const int64_t n_used = std::min(bins_each, n_bins() - p * bins_each) * kBinSize;
    for (int64_t i = 0; i < std::min(n_used, n_columns); ++i)
      places_[order[i] * n_permutations_ + p] = static_cast<int32_t>(p * bins_each * kBinSize + i);
  }
}

// A key is (value, place), the largest value and of equal ones the lowest place first.
void Dwta::drop(SparseVector x, std::span<uint64_t> keys, Ledger& ledger) const {
  for (int64_t k = 0; k < x.size(); ++k) {
    if (x.values[k] == 0.0f || std::isnan(x.values[k])) continue;
    const uint64_t value = uint64_t{descending(x.values[k])} << kPlaceBits;
    for (const int32_t at : places().row(x.ids[k]))
      if (at >= 0) keys[at / kBinSize] = std::min(keys[at / kBinSize], value | (at % kBinSize));
  }
  ledger.comparisons += x.size() * n_permutations_;
}

uint32_t Dwta::code(std::span<const uint64_t> keys) const {
  uint32_t code = 0;
  for (size_t i = 0; i < keys.size(); ++i)
    code |= static_cast<uint32_t>(keys[i] % kBinSize) << (kPlaceBits * i);
  return code;
}

}  // namespace fewfire
