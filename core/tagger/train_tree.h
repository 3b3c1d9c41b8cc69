// Training of a tree, one example after the other: every child of the nodes that hold one of its labels
// learns from it, and every child of the likeliest other nodes, which are those that prediction would visit.
// What the levels above the leaves learn does not depend on the leaves, so a tree can be trained in parts
// that give the bits of the whole: first the router, which writes down the leaves that each example opens,
// then the leaves, any of them apart from the others.
#pragma once

#include "base/inputs.h"
#include "base/ledger.h"
#include "tagger/block_rows.h"

namespace fewfire {

struct TreeOptions {
  TreeLoss loss;
  int64_t n_negatives;    // other nodes per level, at most
  float least_path;       // log likelihood of the way to them, at least
  float negative_scale;   // of the gradients in them
  float thin;             // gradients below it are left out
  float bias_lr;          // of Adagrad
  float slowing;          // columns learn (1 + slowing * sum of squared gradients)^(-1/4) times as fast
  std::vector<float> lr;  // of SGD, per level
};

struct TreeTotals {
  double loss = 0.0;
  Ledger ledger;
};

// What an example of `order` counts for: what its learning rates are multiplied with, and as how many
// examples it comes, 1 each where `weights` is empty.
struct Shares {
  std::span<const float> rates, weights;

  float weight(size_t i) const { return weights.empty() ? 1.0f : weights[i]; }
};

// What a slice of an epoch learns from. labels: an ascending list for each example there is, as the tree
// numbers them.
struct Slice {
  const Inputs& inputs;
  Lists labels;
  std::span<const int64_t> order;
  Shares shares;
  double loss_before;  // of the slices before, from which the sum goes on
};

// Threads share the weights (Hogwild).
TreeTotals train_tree(const Tree& tree, const Slice& slice, const TreeOptions& options, int n_threads);

// The levels above the leaves alone, whose labels the leaves are. opened: n_negatives places for each example
// of the order, which get the leaves that learn from it though they hold none of its labels, and -1 behind.
TreeTotals train_router(const Tree& tree, const Slice& slice, const TreeOptions& options,
                        std::span<RowId> opened, int n_threads);

// Leaves alone, those from `first` on of a tree; labels are numbered from the first of theirs. opened: what
// the router wrote; leaves that are not among these are left out.
TreeTotals train_leaves(const Level& level, const Slice& slice, const TreeOptions& options,
                        std::span<const RowId> opened, RowId first, int n_threads);

}  // namespace fewfire
