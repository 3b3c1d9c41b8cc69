// Labels that like examples have, brought together: recursive balanced 2-means of their centroids, by cosine.
#pragma once

#include "base/inputs.h"
#include "base/pool.h"

namespace fewfire {

// An order of the rows in which each of 2^depth leaves is one stretch; of n rows in a leaf its first half has
// n / 2 (rounded down). Rows are of unit norm, or empty.
std::vector<RowId> cluster(const SparseInputs& rows, int depth, uint64_t seed, Pool& pool);

// The begins of the 2^depth stretches of n rows, and n.
std::vector<int64_t> stretches(int64_t n, int depth);

}  // namespace fewfire
