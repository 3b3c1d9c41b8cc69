// Pairs (row, example) brought together by row, so that a row is read and changed once a micro-batch.
// The sort is stable: inside a group the examples keep their order, whoever sorts.
#pragma once

#include <cstdint>
#include <vector>

#include "views.h"

namespace fewfire {

struct Pair {
  RowId row;
  int32_t example;
  float delta;
};

struct Groups {
  std::vector<Pair> pairs;
  std::vector<int64_t> begins;  // of each group in pairs, and the end of the last
  std::vector<Pair> spare;

  int64_t size() const { return static_cast<int64_t>(begins.size()) - 1; }
  std::span<const Pair> group(int64_t i) const {
    return std::span(pairs).subspan(begins[i], begins[i + 1] - begins[i]);
  }
  // Sorts `pairs` by row and finds the groups. Rows are below n_rows.
  void sort(int64_t n_rows);
};

}  // namespace fewfire
