// Winner take all (Yagnik et al., ICCV 2011): a hash is the place of the largest of 8 coordinates drawn at
// random, so two vectors agree in it if they order them alike, whatever their scale. Zeros are absent, and
// a hash whose coordinates are all absent is borrowed (Chen & Shrivastava, UAI 2018). A code packs n_hashes
// of 3 bits.
//
// The coordinates of a hash are a bin of a random permutation that is cut into d / 8 bins, so that a
// coordinate is compared once per permutation, with as many of these as give n_hashes * n_tables bins. What
// is left at the end of a permutation is in no bin: of very wide inputs, most. Fewer than 8 columns are one
// bin, and then the places from d on do not occur.
#pragma once

#include "hash/densify.h"

namespace fewfire {

class Dwta : public DensifiedHash {
 public:
  static constexpr int kPlaceBits = 3, kMaxHashes = 8;

  Dwta(int64_t n_columns, int n_hashes, int n_tables, uint64_t seed);

  int64_t bytes() const override { return bytes_of(places_); }
  int64_t n_buckets() const override { return int64_t{1} << (kPlaceBits * n_hashes()); }
  // places().row(j)[p] = 8 bin + place of coordinate j in permutation p; -1: in no bin
  Matrix<const int32_t> places() const { return {places_.data(), n_columns(), n_permutations_}; }

 private:
  void drop(SparseVector x, std::span<uint64_t> keys, Ledger& ledger) const override;
  uint32_t code(std::span<const uint64_t> keys) const override;

  int64_t n_permutations_;
  std::vector<int32_t> places_;
};

}  // namespace fewfire
