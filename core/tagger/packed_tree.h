// The way of an example down packed trees, one level at a time.
#pragma once

#include "tagger/descend.h"
#include "tagger/packed.h"

namespace fewfire {

struct PackedTree {
  // of_places: the label, below n_labels, at each place of the tree. Levels are checked ones.
  PackedTree(std::vector<PackedLevel> of_tree, int64_t width, TreeLoss kind, std::span<const RowId> of_places,
             int64_t n_labels);

  std::vector<PackedLevel> levels;  // the root's level first; the children of the last are the labels
  int64_t n_features;
  TreeLoss loss;
  std::span<const RowId> labels;  // at each place of the tree
  std::vector<RowId> places;      // of each label there is; -1 for those that are not in the tree
};

class PackedScores {  // scratch of one thread
 public:
  // Scores the children of all visited nodes; memory is asked for ahead.
  void compute(const PackedLevel& level, std::span<const Opened> visits, SparseVector x);
  std::span<const float> of(size_t visit) const {
    return std::span(scores_).subspan(begins_[visit], begins_[visit + 1] - begins_[visit]);
  }
  // Multiplications, and rows that hold any, of the last call.
  int64_t n_multiplied() const { return n_multiplied_; }
  int64_t n_rows() const { return n_rows_; }

 private:
  std::vector<int64_t> rows_;  // of each visit and feature, or -1
  std::vector<float> scores_;
  std::vector<size_t> begins_;
  int64_t n_multiplied_ = 0, n_rows_ = 0;
};

}  // namespace fewfire
