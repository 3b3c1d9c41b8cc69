// Labels that like examples have, brought together: recursive balanced 2-means of their centroids, by cosine.
#pragma once

#include "base/inputs.h"
#include "base/pool.h"

namespace fewfire {

struct Leaves {  // each is a stretch of rows
  std::vector<RowId> order;
  std::vector<int64_t> begins;  // of each in the order, and the end of the last
};

// 2^depth leaves; of n rows that are halved, the first half has n / 2 (rounded down). Rows are of unit norm,
// or empty.
Leaves cluster(const SparseInputs& rows, int depth, uint64_t seed, Pool& pool);

}  // namespace fewfire
