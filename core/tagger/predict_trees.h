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

struct Member {  // of the average; made by members_of
  const PackedTree* tree;
  const Inputs* inputs;  // as the tree reads them
};

// Trees of the same labels side by side, each with the examples as it reads them.
std::vector<Member> members_of(std::span<PackedTree* const> trees, std::span<Inputs* const> inputs);

// That these are examples of all members' inputs.
void check_examples(std::span<const Member> members, std::span<const int64_t> ids);

struct Found {                     // of n examples
  std::vector<RowId> labels;       // (n, k), the likeliest first; -1 where there are fewer
  std::vector<float> likelihoods;  // theirs, -inf where there are fewer
  Ledger ledger;
};

// The k best labels of each of the examples `ids`. Likelihoods are those of
// the trees averaged; a label that a tree did not find counts 0 there.
Found predict_trees(std::span<const Member> members, std::span<const int64_t> ids, const Search& search,
                    int64_t k, int n_threads);

}  // namespace fewfire
