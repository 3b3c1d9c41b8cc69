// What training and prediction share: an example at a node, and the way down the tree.
#pragma once

#include <algorithm>
#include <cmath>

#include "tagger/tree.h"

namespace fewfire {

enum class TreeLoss { squared_hinge, logistic };

// log of how likely a child is, by its score: s = exp(-max(0, 1 - z)^2), or sigmoid(z)
inline float log_likelihood(TreeLoss loss, float z) {
  if (loss == TreeLoss::squared_hinge) {
    const float gap = std::max(1.0f - z, 0.0f);  // NaN stays NaN
    return -gap * gap;
  }
  return z > 0.0f ? -std::log1p(std::exp(-z)) : z - std::log1p(std::exp(z));
}

struct Opened {  // a node on the way down
  RowId node;
  bool is_positive;
  float path;  // sum of the log likelihoods on the way to it
};

struct Candidate {
  RowId child;
  float path;
};

// The n likeliest, ties to the lower child; the likeliest first.
void keep_best(std::vector<Candidate>& candidates, int64_t n);

}  // namespace fewfire
