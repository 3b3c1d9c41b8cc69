#include "routed/packed.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace fewfire {
namespace {

uint32_t rounded(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

// Without a branch: one in ten is kept.
int64_t is_kept(float value, float least) {
  return static_cast<int64_t>(std::abs(value) >= least) & static_cast<int64_t>(value != 0.0f);
}

void append_row(const Level& level, int64_t node, int64_t row, float least, std::vector<uint32_t>& scratch,
                Packed& packed) {
  const std::span<const float> values = level.block(node).row(row);
  if (scratch.size() < values.size()) scratch.resize(values.size());
  int64_t n = 0;
  for (int64_t c = 0; c < level.n_children(node); ++c) {
    scratch[n] = static_cast<uint32_t>(c) << 16 | rounded(values[c]);
    n += is_kept(values[c], least);
  }
  packed.weights.insert(packed.weights.end(), scratch.begin(), scratch.begin() + n);
  packed.rows.push_back(static_cast<uint32_t>(packed.weights.size()));
}

// What grows by doubling would take twice its size for a while, beside the level itself.
void reserve(const Level& level, float least, Packed& packed) {
  const int64_t n_kept = count_kept(level, least);
  if (n_kept > std::numeric_limits<uint32_t>::max())
    throw std::length_error("a level keeps more than 2^32 weights: prune more");
  int64_t n_known = 0, n_rows = 0;
  for (int64_t node = 0; node < level.n_nodes(); ++node)
    n_known += level.known[node], n_rows += level.n_rows(node);
  packed.nodes.reserve(static_cast<size_t>(n_known));
  packed.rows.reserve(static_cast<size_t>(n_rows) + 1);
  packed.weights.reserve(static_cast<size_t>(n_kept));
}

// Nodes with a row for every feature: no table lists them.
std::vector<RowId> dense_nodes(const Level& level) {
  std::vector<RowId> nodes;
  for (RowId node = 0; node < level.n_nodes(); ++node)
    if (level.n_shared(node) == 0) nodes.push_back(node);
  return nodes;
}

RowId node_of(uint64_t home) { return static_cast<RowId>(home >> 32); }
int64_t row_of(uint64_t home) { return static_cast<int64_t>(home & 0xffffffffu); }

// The nodes that know a feature, ascending, and its rows there.
void find_homes(const Level& level, std::span<const RowId> dense, RowId feature,
                std::vector<uint64_t>& homes) {
  homes.clear();
  for (const RowId node : dense)
    homes.push_back(static_cast<uint64_t>(node) << 32 | static_cast<uint64_t>(feature));
  for (const uint64_t entry : table_of(level, feature))
    if (entry != kNoEntry) homes.push_back(entry);
  std::sort(homes.begin(), homes.end());
}

}  // namespace

int64_t count_kept(const Level& level, float least) {  // padding is 0
  int64_t n = 0;
  for (const float value : level.weights) n += is_kept(value, least);
  return n;
}

int64_t packed_row(const PackedLevel& level, RowId feature, RowId node) {
  const std::span<const RowId> nodes = level.nodes_of(feature);
  const auto at = std::lower_bound(nodes.begin(), nodes.end(), node);
  if (at != nodes.end() && *at == node) return &*at - level.nodes.data();
  const int64_t n_shared = level.shared[node + 1] - level.shared[node];
  if (n_shared == 0) return -1;
  return static_cast<int64_t>(level.nodes.size()) + shared_row(feature, level.shared[node], n_shared);
}

Packed pack(const Level& level, int64_t n_features, float least) {
  Packed packed;
  reserve(level, least, packed);
  const std::vector<RowId> dense = dense_nodes(level);
  std::vector<uint64_t> homes;
  std::vector<uint32_t> scratch;
  for (RowId feature = 0; feature < n_features; ++feature) {
    find_homes(level, dense, feature, homes);
    for (const uint64_t home : homes) level.block(node_of(home)).prefetch(row_of(home));
    for (const uint64_t home : homes) {
      packed.nodes.push_back(node_of(home));
      append_row(level, node_of(home), row_of(home), least, scratch, packed);
    }
    packed.lists.push_back(static_cast<int64_t>(packed.nodes.size()));
  }
  for (int64_t node = 0; node < level.n_nodes(); ++node) {
    for (int64_t row = level.known[node]; row < level.n_rows(node); ++row)
      append_row(level, node, row, least, scratch, packed);
    packed.shared.push_back(packed.shared.back() + level.n_shared(node));
    const float* bias = level.bias.data() + level.columns[node];
    packed.bias.insert(packed.bias.end(), bias, bias + level.n_children(node));
  }
  return packed;
}

void unpack(const PackedLevel& packed, const Level& level) {
  const auto write = [&](int64_t from, RowId node, int64_t row) {
    for (uint32_t k = packed.rows[from]; k < packed.rows[from + 1]; ++k)
      level.block(node).row(row)[packed.weights[k] >> 16] = value_of(packed.weights[k]);
  };
  for (RowId feature = 0; static_cast<size_t>(feature) + 1 < packed.lists.size(); ++feature)
    for (int64_t i = packed.lists[feature]; i < packed.lists[feature + 1]; ++i) {
      const RowId node = packed.nodes[i];
      write(i, node, known_row(level, table_of(level, feature), feature, node));
    }
  int64_t from = static_cast<int64_t>(packed.nodes.size());
  for (int64_t node = 0; node < level.n_nodes(); ++node) {
    for (int64_t row = level.known[node]; row < level.n_rows(node); ++row)
      write(from++, static_cast<RowId>(node), row);
    std::copy(packed.bias.begin() + packed.children[node], packed.bias.begin() + packed.children[node + 1],
              level.bias.begin() + level.columns[node]);
  }
}

}  // namespace fewfire
