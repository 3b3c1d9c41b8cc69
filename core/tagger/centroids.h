// The mean directions of lists of examples: what labels are told alike by.
#pragma once

#include "base/inputs.h"
#include "base/pool.h"
#include "tagger/expand.h"

namespace fewfire {

// The features of each list's examples, each counted once; sums of these counts, from 0 on.
std::vector<int64_t> count_features(const Inputs& inputs, const Lists& lists, Pool& pool);

// Row i: the sum of the i-th list's examples, brought to unit length; empty without features.
Copied centroids(const Inputs& inputs, const Lists& lists, Pool& pool);

}  // namespace fewfire
