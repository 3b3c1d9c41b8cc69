// Which features the nodes of a level know: those of the examples that belong to them.
#pragma once

#include "inputs.h"
#include "pool.h"

namespace fewfire {

struct Vocabulary {
  std::vector<int64_t> indptr;  // of each node
  std::vector<RowId> features;  // the heaviest first
};

// members: the examples of each node. A node knows at most most[node] features: those with the largest sums
// of absolute values over its examples.
Vocabulary collect(const Inputs& inputs, const Targets& members, std::span<const int64_t> most, Pool& pool);

// The entries of a table of each node, at tables[node] .. tables[node + 1]: row i belongs to its i-th
// feature.
std::vector<uint64_t> fill_tables(std::span<const int64_t> indptr, std::span<const RowId> features,
                                  std::span<const int64_t> tables, Pool& pool);

}  // namespace fewfire
