// One permutation hashing (Li, Owen & Zhang, NIPS 2012): the minwise hash of sets, for inputs that are
// sparse and binary. The set of a vector, row or query, is its positive coordinates; their values do not
// count. Coordinates are put in a random order that is cut into n_hashes * n_tables bins; a hash is the
// first element of the set in its bin, or borrowed.
//
// Two sets agree in a hash with probability J = |A and B| / |A or B|, and in the code of n_bits that n_hashes
// of them are mixed to with probability J^n_hashes + (1 - J^n_hashes) / 2^n_bits. About half the weights
// of a row are positive unless training says otherwise, so J is small between rows and sparse inputs.
#pragma once

#include "hash/densify.h"

namespace fewfire {

class MinHash : public DensifiedHash {
 public:
  static constexpr int kMaxHashes = 16;

  MinHash(int64_t n_columns, int n_hashes, int n_tables, int n_bits, uint64_t seed);

  int64_t bytes() const override { return 0; }
  int64_t n_buckets() const override { return int64_t{1} << n_bits_; }

 private:
  void drop(SparseVector x, std::span<uint64_t> keys, Ledger& ledger) const override;
  uint32_t code(std::span<const uint64_t> keys) const override;

  int n_bits_;
  uint64_t seed_;
};

}  // namespace fewfire
