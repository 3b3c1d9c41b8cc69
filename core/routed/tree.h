// A tree over the labels: its root tells which cells an example may belong to, a cell which of its labels.
// Every node keeps one dense block of weights, a row for each feature that it knows and a column for each of
// its children, so that what a feature says of all children of a node is one contiguous read. Features that a
// node does not know share rows by their hash. A level holds its nodes' blocks one after the other.
#pragma once

#include <vector>

#include "views.h"

namespace fewfire {

constexpr int64_t kColumns = 16;  // widths of blocks are multiples of this: a cache line of floats
constexpr uint64_t kNoEntry = ~uint64_t{0};

inline int64_t padded(int64_t n_children) { return (n_children + kColumns - 1) / kColumns * kColumns; }

inline uint32_t hash_feature(RowId feature) { return static_cast<uint32_t>(feature) * 0x9e3779b1u; }

struct Level {
  std::span<const int64_t> children;  // (n + 1) first child of each node, as numbered in the level below
  std::span<const RowId> parents;     // the node of each child
  std::span<const int64_t> tables;    // (n + 1) begin of each node's table; its size is a power of two, or 0
  std::span<const uint64_t> entries;  // feature << 32 | row, open addressing; kNoEntry where there is none
  std::span<const int64_t> known;     // (n) rows that belong to one feature; those behind them are shared
  std::span<const int64_t> blocks;    // (n + 1) begin of each node's block in the weights
  std::span<const int64_t> columns;   // (n + 1) begin of each node's columns in the bias
  std::span<float> weights, bias;
  std::span<float> bias_moments;  // sums of squared gradients

  int64_t n_nodes() const { return static_cast<int64_t>(known.size()); }
  int64_t n_children(int64_t node) const { return children[node + 1] - children[node]; }
  int64_t width(int64_t node) const { return columns[node + 1] - columns[node]; }
  int64_t n_rows(int64_t node) const { return (blocks[node + 1] - blocks[node]) / width(node); }
  Matrix<float> block(int64_t node) const {
    return {weights.data() + blocks[node], n_rows(node), width(node)};
  }
};

struct Tree {
  std::vector<Level> levels;  // the root's level first; the children of the last are the labels
  int64_t n_features = 0;

  int64_t n_labels() const { return levels.back().children.back(); }
};

// Where in a node's table the search for a feature begins.
inline int64_t place(const Level& level, int64_t node, RowId feature) {
  const int64_t size = level.tables[node + 1] - level.tables[node];
  return level.tables[node] +
         ((static_cast<uint64_t>(hash_feature(feature)) * static_cast<uint64_t>(size)) >> 32);
}

// rows[k]: the row of feature ids[k] in the node's block
void find_rows(const Level& level, int64_t node, std::span<const RowId> ids, RowId* rows);

// Asks for what find_rows will read.
inline void prefetch_tables(const Level& level, int64_t node, std::span<const RowId> ids) {
  if (level.tables[node] == level.tables[node + 1]) return;
  for (const RowId id : ids) __builtin_prefetch(level.entries.data() + place(level, node, id));
}

}  // namespace fewfire
