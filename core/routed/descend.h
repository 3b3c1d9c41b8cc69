// What training and prediction share: an example at a node, and the way down the tree.
#pragma once

#include <algorithm>
#include <cmath>

#include "routed/tree.h"

namespace fewfire {

enum class TreeLoss { squared_hinge, logistic };

// log of how likely a child is, by its score: s = exp(-max(0, 1 - z)^2), or sigmoid(z)
inline float log_likelihood(TreeLoss loss, float z) {
  if (loss == TreeLoss::squared_hinge) {
    const float gap = std::max(0.0f, 1.0f - z);
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

// Where the features of an example are in the nodes that it visits, found for all of them before the first is
// computed: memory is asked for what they will read.
class Rows {
 public:
  void find(const Level& level, std::span<const Opened> visits, std::span<const RowId> ids);
  std::span<const RowId> of(size_t visit) const { return std::span(rows_).subspan(visit * n_ids_, n_ids_); }

 private:
  struct Home {  // a visited node's block
    RowId node;
    int64_t known, n_shared;
    Matrix<float> block;
  };
  void foresee(std::span<const uint64_t> table) const;

  std::vector<Home> homes_;
  std::vector<RowId> rows_;
  size_t n_ids_ = 0;
};

// scores[c] = x . column c of the node's block + bias, for all columns
void score_node(const Level& level, int64_t node, std::span<const RowId> rows, std::span<const float> values,
                std::vector<float>& scores);

}  // namespace fewfire
