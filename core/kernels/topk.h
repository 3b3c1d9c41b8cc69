// The m largest of many scores, in linear time and without sorting. Equal scores at the cut are
// chosen among by lot, drawn from `key`: no row wins by its number.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/views.h"

namespace fewfire {

// A score as it has a place in an order: NaN is above all, so that weights that overflowed show.
inline float in_order(float score) {
  return std::isnan(score) ? std::numeric_limits<float>::infinity() : score;
}

struct Cut {  // scratch of one thread
  std::vector<uint32_t> keys;
  std::vector<RowId> ties;
};

// Positions of the m largest scores, ascending; all positions if there are no more than m.
void largest(std::span<const float> scores, int64_t m, uint64_t key, Cut& cut, std::vector<RowId>& positions);
// The same, but of equal scores the first are taken; the largest first. NaN comes last.
void largest_in_order(std::span<const float> scores, int64_t m, Cut& cut, std::vector<RowId>& positions);

}  // namespace fewfire
