// The best of many centroids without scoring them all: centroids are grouped by their directions, and only
// the groups whose means fit best are looked into. Of n centroids about sqrt(n) make a group. What is found
// is nearly always the best, and always the same for the same centroids and seed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pool.h"
#include "views.h"

namespace fewfire {

class Shortcut {
 public:
  struct Found {  // scratch of one thread: cells looked at, and centroid . v of each
    std::vector<float> of_groups, products;
    std::vector<RowId> groups, cells;
  };

  bool empty() const { return cells_.empty(); }
  void clear() { cells_.clear(); }
  // Returns how many multiplications it took.
  int64_t build(Matrix<const float> centroids, uint64_t seed, Pool& pool);
  // Cells of the groups whose means make the smallest angles with v, until there are `at_least`. Returns how
  // many products were taken.
  int64_t find(std::span<const float> v, int64_t at_least, Found& found) const;

 private:
  int64_t n_groups() const { return static_cast<int64_t>(begins_.size()) - 1; }
  void assign(Matrix<const float> centroids, std::vector<int32_t>& groups, Pool& pool) const;
  void move(Matrix<const float> centroids, std::span<const int32_t> groups);
  void sort(Matrix<const float> centroids, std::span<const int32_t> groups);

  int64_t width_ = 0;
  std::vector<float> means_, inverse_norms_;  // of groups
  std::vector<float> vectors_;                // centroids, group by group
  std::vector<RowId> cells_;                  // and their numbers
  std::vector<int64_t> begins_;               // of each group, and the end of the last
};

}  // namespace fewfire
