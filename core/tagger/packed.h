// A level as prediction reads it: weights too small to matter are gone, the others are listed row by row,
// each as its column in the block and a bfloat16 number. The rows of a feature in all nodes that know it
// follow each other, so that an example reads them at one place.
#pragma once

#include "base/pool.h"
#include "base/weights.h"
#include "tagger/tree.h"

namespace fewfire {

struct PackedLevel {
  std::span<const int64_t> children;  // (n + 1) first child of each node, as numbered in the level below
  std::span<const RowId> parents;     // the node of each child
  std::span<const float> bias;        // of each child
  std::span<const int64_t> lists;     // begin of each feature's nodes; features behind them are known nowhere
  std::span<const RowId> nodes;       // that know a feature, ascending; each has the row of its place here
  std::span<const int64_t> shared;    // (n + 1) begin of each node's shared rows, which lie behind all others
  std::span<const uint32_t> rows;     // begin of each row in the weights, and the end of the last
  std::span<const uint32_t> weights;  // child of the node << 16 | bfloat16

  int64_t n_nodes() const { return static_cast<int64_t>(children.size()) - 1; }
  int64_t n_children(int64_t node) const { return children[node + 1] - children[node]; }
  std::span<const RowId> nodes_of(RowId feature) const {
    if (static_cast<size_t>(feature) + 1 >= lists.size()) return {};
    const size_t begin = static_cast<size_t>(lists[feature]);
    return nodes.subspan(begin, static_cast<size_t>(lists[feature + 1]) - begin);
  }
};

inline float value_of(uint32_t weight) { return widen(static_cast<BFloat16>(weight & 0xffffu)); }

// The row of a feature in a node: its own, or one that it shares with others, or -1 if the node shares none.
int64_t packed_row(const PackedLevel& level, RowId feature, RowId node);

// What features say of a child: the weights of its column in their rows of its node, 0 where they have none.
std::vector<float> child_weights(const PackedLevel& level, int64_t child, std::span<const RowId> features);

// Weights of at least `least` in absolute value that are not 0.
int64_t count_kept(const Level& level, float least);

// What a PackedLevel borrows, made from a level whose columns are at most 65,536; weights below `least` in
// absolute value are left out, others rounded to nearest even.
struct Packed {
  std::vector<float> bias;
  std::vector<int64_t> lists{0}, shared{0};
  std::vector<RowId> nodes;
  std::vector<uint32_t> rows{0}, weights;
};
// Throws std::length_error if more than 2^32 are left.
Packed pack(const Level& level, int64_t n_features, float least, Pool& pool);

// Writes the weights and biases into a level of the same nodes and vocabularies, whose weights are 0; its
// nodes may have further children behind those.
void unpack(const PackedLevel& packed, const Level& level);

}  // namespace fewfire
