// Which features the nodes of a level know: those of the examples that belong to them.
#pragma once

#include "base/inputs.h"
#include "base/pool.h"

namespace fewfire {

struct Vocabulary {
  std::vector<int64_t> indptr;  // of each node
  std::vector<RowId> features;  // the heaviest first
};

// members: the examples of each node. A node knows at most most[node] features: those with the largest sums
// of absolute values over its examples.
Vocabulary collect(const Inputs& inputs, const Lists& members, std::span<const int64_t> most, Pool& pool);

struct Tables {  // as Level has them
  std::vector<int64_t> begins{0};
  std::vector<uint64_t> entries;
};

// features: those of each node. Row i of a node belongs to the i-th feature of its list.
Tables fill_tables(const Lists& features);

}  // namespace fewfire
