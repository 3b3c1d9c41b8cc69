// Training of a tree, one example after the other: every child of the nodes that hold one of its labels
// learns from it, and every child of the likeliest other nodes, which are those that prediction would visit.
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
  double loss_before;     // of the slices before, from which the sum goes on
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

// labels: ascending lists of labels, as the tree numbers them. Threads share the weights (Hogwild).
TreeTotals train_tree(const Tree& tree, const Inputs& inputs, const Lists& labels,
                      std::span<const int64_t> order, const Shares& shares, const TreeOptions& options,
                      int n_threads);

}  // namespace fewfire
