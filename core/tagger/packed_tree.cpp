#include "tagger/packed_tree.h"

#include "tagger/valid.h"

namespace fewfire {

PackedTree::PackedTree(std::vector<PackedLevel> of_tree, int64_t width, TreeLoss kind,
                       std::span<const RowId> of_places, int64_t n_labels)
    : levels(std::move(of_tree)), n_features(width), loss(kind), labels(of_places) {
  constexpr const char* kMessage = "labels of a tree must be distinct, and in range";
  check_levels(levels);
  require(std::ssize(labels) == levels.back().children.back(), "one label per place of the tree is wanted");
  require(std::ssize(labels) <= n_labels, kMessage);
  places.assign(static_cast<size_t>(n_labels), -1);
  for (size_t place = 0; place < labels.size(); ++place) {
    require(labels[place] >= 0 && labels[place] < n_labels && places[labels[place]] < 0, kMessage);
    places[labels[place]] = static_cast<RowId>(place);
  }
}

void PackedScores::compute(const PackedLevel& level, std::span<const Opened> visits, SparseVector x) {
  const size_t n = static_cast<size_t>(x.size());
  rows_.resize(visits.size() * n);
  for (const RowId id : x.ids)
    if (static_cast<size_t>(id) < level.lists.size()) __builtin_prefetch(level.lists.data() + id);
  for (const RowId id : x.ids) __builtin_prefetch(level.nodes_of(id).data());
  for (size_t k = 0; k < n; ++k)
    for (size_t i = 0; i < visits.size(); ++i) {
      const int64_t row = packed_row(level, x.ids[k], visits[i].node);
      rows_[i * n + k] = row;
      if (row >= 0) __builtin_prefetch(level.rows.data() + row);
    }
  for (const int64_t row : rows_)
    if (row >= 0) __builtin_prefetch(level.weights.data() + level.rows[row]);

  scores_.clear();
  begins_.assign(1, 0);
  n_multiplied_ = n_rows_ = 0;
  for (size_t i = 0; i < visits.size(); ++i) {
    const RowId node = visits[i].node;
    const float* bias = level.bias.data() + level.children[node];
    scores_.insert(scores_.end(), bias, bias + level.n_children(node));
    float* scores = scores_.data() + begins_.back();
    for (size_t k = 0; k < n; ++k) {
      const int64_t row = rows_[i * n + k];
      if (row < 0) continue;
      const uint32_t begin = level.rows[row], end = level.rows[row + 1];
      for (uint32_t at = begin; at < end; ++at)
        scores[level.weights[at] >> 16] += x.values[k] * value_of(level.weights[at]);
      n_multiplied_ += end - begin;
      n_rows_ += end > begin;
    }
    begins_.push_back(scores_.size());
  }
}

}  // namespace fewfire
