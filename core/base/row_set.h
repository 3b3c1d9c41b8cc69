// A set of ids that is emptied at no cost, as one is for every example: a stamp per id makes "taken already?"
// one load, where a bitmap of a layer with 670k rows would have to be zeroed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/views.h"

namespace fewfire {

class RowSet {
 public:
  // Empties it, for ids below n.
  void begin(int64_t n) {
    if (stamps_.size() < static_cast<size_t>(n)) stamps_.resize(static_cast<size_t>(n));
    if (++stamp_ == 0) {
      std::fill(stamps_.begin(), stamps_.end(), 0);
      stamp_ = 1;
    }
  }
  bool contains(RowId row) const { return stamps_[row] == stamp_; }
  // Whether it was not there yet.
  bool insert(RowId row) {
    if (contains(row)) return false;
    stamps_[row] = stamp_;
    return true;
  }

 private:
  std::vector<uint32_t> stamps_;  // stamps[id] == stamp: in the set
  uint32_t stamp_ = 0;
};

}  // namespace fewfire
