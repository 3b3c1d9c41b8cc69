// The best of many centroids without scoring them all: centroids are grouped, by their directions or by their
// distances, as rows are, and only the groups whose means fit best are looked into. Of n centroids about
// sqrt(n) make a group. What is found
// is nearly always the best, and always the same for the same centroids and seed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/group.h"
#include "base/pool.h"
#include "base/views.h"

namespace fewfire {

class Shortcut {
 public:
  struct Visit {
    RowId row;  // group
    int32_t vector;
  };
  struct Scratch {  // of one thread
    std::vector<float> of_groups, products;
    std::vector<RowId> order;
    Groups<Visit> visits;
  };

  bool empty() const { return cells_.empty(); }
  void clear() { cells_.clear(); }
  // Returns how many multiplications it took.
  int64_t build(Matrix<const float> centroids, bool spherical, uint64_t seed, Pool& pool);
  // The cell with the largest scale (centroid . v + offset) of each vector, the lowest among equals, among
  // those of the groups whose means are nearest to it, until an eighth of all cells is seen;
  // NaN ends in cell 0. Vectors that look into a group do so in turn, while its centroids are in the cache.
  // Returns how many products were taken.
  int64_t nearest(Matrix<const float> vectors, std::span<const float> scales, std::span<const float> offsets,
                  Scratch& scratch, uint32_t* codes, float* scores) const;
  int64_t bytes() const;

 private:
  static constexpr int64_t kShare = 8;
  int64_t n_groups() const { return static_cast<int64_t>(begins_.size()) - 1; }
  void assign(Matrix<const float> centroids, std::vector<int32_t>& groups, Pool& pool) const;
  void finish();
  void move(Matrix<const float> centroids, std::span<const int32_t> groups);
  void sort(Matrix<const float> centroids, std::span<const int32_t> groups);
  void choose_groups(Matrix<const float> vectors, Scratch& scratch) const;

  int64_t width_ = 0;
  bool spherical_ = true;
  std::vector<float> means_, scales_, offsets_;  // of groups: a vector belongs to that of the largest
                                                 // scale (mean . v + offset)
  std::vector<float> vectors_;                   // centroids, group by group
  std::vector<RowId> cells_;                     // and their numbers
  std::vector<int64_t> begins_;                  // of each group, and the end of the last
};

}  // namespace fewfire
