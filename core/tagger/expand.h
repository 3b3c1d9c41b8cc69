// Features as trees read them: a power of each value, pairs of a row's largest features beside them, and all
// of unit length. Where features are renumbered, those without a number are left out first. Pairs are those
// that enough rows of the training set had; a pair's id follows the features'.
#pragma once

#include <vector>

#include "base/inputs.h"
#include "base/pool.h"

namespace fewfire {

constexpr int64_t kMostLargest = 64;  // of a row, whose pairs are looked up

// Which number a key has: open addressing, half empty. Numbers are the places of the keys, which ascend.
class KeyTable {
 public:
  explicit KeyTable(std::span<const uint64_t> keys);
  int64_t size() const { return size_; }
  RowId find(uint64_t key) const;  // -1: no such key
  void prefetch(uint64_t key) const { __builtin_prefetch(entries_.data() + place(key)); }

 private:
  struct Entry {
    uint64_t key;
    RowId number;  // -1: empty
  };
  size_t place(uint64_t key) const;

  std::vector<Entry> entries_;
  int64_t size_;
};

inline uint64_t pair_key(RowId low, RowId high) {
  return static_cast<uint64_t>(low) << 32 | static_cast<uint32_t>(high);
}

// The places of the `most` values that are largest without their signs, ties to the lower; ascending.
void find_largest(std::span<const float> values, int64_t most, std::vector<int32_t>& places);

// The pairs of features that are among the `most` largest of at least `least` rows, as ascending keys.
std::vector<uint64_t> count_pairs(const Inputs& inputs, int64_t most, int64_t least, Pool& pool);

struct Expansion {
  float power;       // x becomes sign(x) |x|^power, and rows of unit length
  int64_t largest;   // largest features of a row, whose pairs are looked up
  float pair_scale;  // of the value of a pair: sign(v_i v_j) |v_i v_j|^(1/4)
  KeyTable pairs;
  KeyTable features;  // those that are read, which are numbered anew; empty: all, as they are

  int64_t n_read(int64_t n_features) const { return features.size() > 0 ? features.size() : n_features; }
  int64_t width(int64_t n_features) const { return n_read(n_features) + pairs.size(); }
};

Expansion checked(Expansion expansion);

// Raises unless keys are of pairs.
std::span<const uint64_t> checked_pairs(std::span<const uint64_t> keys);

// The rows of `source`, expanded when they are asked for.
class Expanded : public Inputs {
 public:
  Expanded(const Inputs& source, const Expansion& expansion);
  int64_t n_rows() const override { return source_.n_rows(); }
  int64_t n_columns() const override { return expansion_.width(source_.n_columns()); }
  SparseVector row(int64_t i, RowBuffer& buffer) const override;

 private:
  void renumber(SparseVector x, RowBuffer& buffer) const;
  void add_pairs(RowBuffer& buffer) const;

  const Inputs& source_;
  const Expansion& expansion_;
};

struct Copied {  // CSR
  std::vector<int64_t> indptr;
  std::vector<RowId> indices;
  std::vector<float> values;
};

// The begin of each row's values among those of all rows, and their number.
std::vector<int64_t> count_values(const Inputs& inputs, Pool& pool);

// All rows at once, for who reads them many times.
Copied copy_rows(const Inputs& inputs, Pool& pool);

}  // namespace fewfire
