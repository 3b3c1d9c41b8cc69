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
  std::vector<float> lr;  // of SGD, per level
  double loss_before;     // of the slices before, from which the sum goes on
};

struct TreeTotals {
  double loss = 0.0;
  Ledger ledger;
};

// labels: ascending lists of labels, as the tree numbers them. rates: what the learning rates are multiplied
// with, per example of `order`. Threads share the weights (Hogwild).
TreeTotals train_tree(const Tree& tree, const Inputs& inputs, const Lists& labels,
                      std::span<const int64_t> order, std::span<const float> rates,
                      const TreeOptions& options, int n_threads);

}  // namespace fewfire
