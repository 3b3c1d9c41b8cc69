// The likeliest labels of an example by several trees: each is searched with a beam, and their likelihoods
// averaged.
#pragma once

#include "base/inputs.h"
#include "base/ledger.h"
#include "tagger/packed_tree.h"

namespace fewfire {

struct Search {
  int64_t beam;       // nodes per level that are opened
  float path_weight;  // of the log likelihoods of the nodes on the way, beside the label's own
};

struct Member {  // of the average
  const PackedTree* tree;
  const Inputs* inputs;  // as the tree reads them
};

// The k best labels of each example, best first; -1, -inf where fewer were found. Likelihoods are those of
// the trees averaged; a label that a tree did not find counts 0 there.
Ledger predict_trees(std::span<const Member> members, std::span<const int64_t> ids, const Search& search,
                     int64_t k, int n_threads, Matrix<RowId> best, Matrix<float> scores);

}  // namespace fewfire
