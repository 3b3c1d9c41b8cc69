// Which features the nodes of a level know: those of the examples that belong to them.
#pragma once

#include "base/inputs.h"
#include "base/pool.h"

namespace fewfire {

struct Vocabulary {
  std::vector<int64_t> indptr;  // of each node
  std::vector<RowId> features;  // the heaviest first
};

// Which features of a node's examples it may know: those from `first` on only where `least` examples have
// them.
struct Worth {
  RowId first;
  int32_t least;
};

// members: the examples of each node. A node knows at most most[node] features: those with the largest sums
// of absolute values over its examples.
Vocabulary collect(const Inputs& inputs, const Lists& members, Worth worth, std::span<const int64_t> most,
                   Pool& pool);

// How many features each node may know.
std::vector<int64_t> count_known(const Inputs& inputs, const Lists& members, Worth worth, Pool& pool);

struct Tables {  // as Level has them
  std::vector<int64_t> begins{0};
  std::vector<uint64_t> entries;
};

// features: those of each node. Row i of a node belongs to the i-th feature of its list.
Tables fill_tables(const Lists& features);

}  // namespace fewfire
