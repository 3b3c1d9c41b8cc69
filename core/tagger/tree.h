// A tree over the labels: its root tells which leaves an example may belong to, a leaf which of its labels.
// Every node keeps one dense block of weights, a row for each feature that it knows and a column for each of
// its children, so that what a feature says of all children of a node is one contiguous read. Features that a
// node does not know share rows by their hash. A level holds its nodes' blocks one after the other.
#pragma once

#include <vector>

#include "base/views.h"

namespace fewfire {

constexpr int64_t kColumns = 16;  // widths of blocks are multiples of this: a cache line of floats
constexpr uint64_t kNoEntry = ~uint64_t{0};

inline int64_t padded(int64_t n_children) { return (n_children + kColumns - 1) / kColumns * kColumns; }

struct Level {
  std::span<const int64_t> children;  // (n + 1) first child of each node, as numbered in the level below
  std::span<const RowId> parents;     // the node of each child
  // A table for each feature, of its row in the nodes that know it: what an example looks up in all its nodes
  // lies together.
  std::span<const int64_t> tables;    // begin of each feature's table; its size is a power of two, or 0
  std::span<const uint64_t> entries;  // node << 32 | row, open addressing; kNoEntry where there is none
  std::span<const int64_t> known;     // (n) rows that belong to one feature; those behind them are shared
  std::span<const int64_t> blocks;    // (n + 1) begin of each node's block in the weights
  std::span<const int64_t> columns;   // (n + 1) begin of each node's columns in the bias
  std::span<float> weights, bias;
  std::span<float> bias_moments;  // sums of squared gradients

  int64_t n_nodes() const { return static_cast<int64_t>(known.size()); }
  int64_t n_children(int64_t node) const { return children[node + 1] - children[node]; }
  int64_t width(int64_t node) const { return columns[node + 1] - columns[node]; }
  int64_t n_rows(int64_t node) const { return (blocks[node + 1] - blocks[node]) / width(node); }
  // Rows behind the known ones; without any, a node has a row for each feature there is.
  int64_t n_shared(int64_t node) const { return n_rows(node) - known[node]; }
  Matrix<float> block(int64_t node) const {
    return {weights.data() + blocks[node], n_rows(node), width(node)};
  }
};

struct Tree {
  std::vector<Level> levels;  // the root's level first; the children of the last are the labels
  int64_t n_features = 0;

  int64_t n_labels() const { return levels.back().children.back(); }
};

// Of one feature; a table that holds something has an empty place.
inline std::span<const uint64_t> table_of(const Level& level, RowId feature) {
  if (static_cast<size_t>(feature) + 1 >= level.tables.size()) return {};
  const int64_t begin = level.tables[feature];
  return level.entries.subspan(static_cast<size_t>(begin),
                               static_cast<size_t>(level.tables[feature + 1] - begin));
}

// Where in a table of `size` entries the search for a node begins.
inline size_t place(size_t size, RowId node) {
  return (static_cast<uint64_t>(static_cast<uint32_t>(node) * 0x9e3779b1u) * size) >> 32;
}

// The row of a node in a feature's table, or -1.
inline RowId find_row(std::span<const uint64_t> table, RowId node) {
  if (table.empty()) return -1;
  for (size_t at = place(table.size(), node); table[at] != kNoEntry; at = (at + 1) & (table.size() - 1))
    if (static_cast<RowId>(table[at] >> 32) == node) return static_cast<RowId>(table[at]);
  return -1;
}

// The row of a feature in a node that knows it, or -1.
inline RowId known_row(const Level& level, std::span<const uint64_t> table, RowId feature, RowId node) {
  return level.n_shared(node) == 0 ? feature : find_row(table, node);
}

// The row of a node that a feature shares with others: one of those behind its known ones.
inline RowId shared_row(RowId feature, int64_t known, int64_t n_shared) {
  const uint64_t mixed = static_cast<uint64_t>(static_cast<uint32_t>(feature)) * 0x9e3779b97f4a7c15u;
  return static_cast<RowId>(known +
                            static_cast<int64_t>(((mixed >> 32) * static_cast<uint64_t>(n_shared)) >> 32));
}

}  // namespace fewfire
