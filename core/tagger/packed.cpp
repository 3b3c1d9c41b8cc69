#include "tagger/packed.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/check.h"

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

// The biases, and where each row goes; their nodes and ends are written later.
Packed lay_out(const Level& level, int64_t n_features, size_t n_dense) {
  Packed packed;
  packed.lists.reserve(static_cast<size_t>(n_features) + 1);
  for (RowId feature = 0; feature < n_features; ++feature) {
    const std::span<const uint64_t> table = table_of(level, feature);
    const auto n_free = std::count(table.begin(), table.end(), kNoEntry);
    packed.lists.push_back(packed.lists.back() + static_cast<int64_t>(n_dense + table.size()) - n_free);
  }
  for (int64_t node = 0; node < level.n_nodes(); ++node) {
    packed.shared.push_back(packed.shared.back() + level.n_shared(node));
    const float* bias = level.bias.data() + level.columns[node];
    packed.bias.insert(packed.bias.end(), bias, bias + level.n_children(node));
  }
  packed.nodes.resize(static_cast<size_t>(packed.lists.back()));
  packed.rows.resize(packed.nodes.size() + static_cast<size_t>(packed.shared.back()) + 1);
  return packed;
}

// Calls visit(place, node, row, thread) for every row of the level, and its place among the packed ones.
template <class Visit>
void for_each_row(const Level& level, std::span<const RowId> dense, const Packed& packed, Pool& pool,
                  Visit visit) {
  std::vector<std::vector<uint64_t>> homes(static_cast<size_t>(pool.size()));
  pool.parallel_for(std::ssize(packed.lists) - 1, 64, [&](int64_t feature, int thread) {
    std::vector<uint64_t>& own = homes[thread];
    find_homes(level, dense, static_cast<RowId>(feature), own);
    for (const uint64_t home : own) level.block(node_of(home)).prefetch(row_of(home));
    int64_t place = packed.lists[feature];
    for (const uint64_t home : own) visit(place++, node_of(home), row_of(home), thread);
  });
  pool.parallel_for(level.n_nodes(), 1, [&](int64_t node, int thread) {
    int64_t place = packed.lists.back() + packed.shared[node];
    for (int64_t row = level.known[node]; row < level.n_rows(node); ++row)
      visit(place++, static_cast<RowId>(node), row, thread);
  });
}

std::span<const float> weights_of(const Level& level, RowId node, int64_t row) {
  return level.block(node).row(row).first(static_cast<size_t>(level.n_children(node)));
}

int64_t count_kept(std::span<const float> weights, float least) {
  int64_t n = 0;
  for (const float weight : weights) n += is_kept(weight, least);
  return n;
}

void sum_up(std::vector<uint32_t>& rows) {
  uint64_t total = 0;
  for (uint32_t& row : rows) {
    total += row;
    if (total > std::numeric_limits<uint32_t>::max())
      throw std::length_error("a level keeps more than 2^32 weights: prune more");
    row = static_cast<uint32_t>(total);
  }
}

void write_kept(std::span<const float> weights, float least, std::vector<uint32_t>& scratch, uint32_t* to) {
  if (scratch.size() < weights.size()) scratch.resize(weights.size());
  int64_t n = 0;
  for (size_t c = 0; c < weights.size(); ++c) {
    scratch[n] = static_cast<uint32_t>(c) << 16 | rounded(weights[c]);
    n += is_kept(weights[c], least);
  }
  std::copy(scratch.begin(), scratch.begin() + n, to);
}

void check_pack(const Level& level, int64_t n_features, float least) {
  require(least >= 0.0f, "least must be at least 0");
  for (int64_t node = 0; node < level.n_nodes(); ++node)
    require(level.n_children(node) <= 65536 && (level.n_shared(node) > 0 || level.known[node] >= n_features),
            "a node has too many children, or features without a row");
}

void check_unpack(const PackedLevel& packed, const Level& level) {
  require(packed.n_nodes() == level.n_nodes(), "levels have different nodes");
  for (int64_t node = 0; node < level.n_nodes(); ++node)
    require(packed.n_children(node) <= level.n_children(node) &&
                packed.shared[node + 1] - packed.shared[node] == level.n_shared(node),
            "a node lacks children, or has other shared rows");
  for (RowId feature = 0; static_cast<size_t>(feature) + 1 < packed.lists.size(); ++feature)
    for (const RowId node : packed.nodes_of(feature)) {
      const RowId row = known_row(level, table_of(level, feature), feature, node);
      require(row >= 0 && row < level.known[node], "a node does not know a feature");
    }
}

}  // namespace

int64_t count_kept(const Level& level, float least) {  // padding is 0
  return count_kept(level.weights, least);
}

int64_t packed_row(const PackedLevel& level, RowId feature, RowId node) {
  const std::span<const RowId> nodes = level.nodes_of(feature);
  const auto at = std::lower_bound(nodes.begin(), nodes.end(), node);
  if (at != nodes.end() && *at == node) return &*at - level.nodes.data();
  const int64_t n_shared = level.shared[node + 1] - level.shared[node];
  if (n_shared == 0) return -1;
  return static_cast<int64_t>(level.nodes.size()) + shared_row(feature, level.shared[node], n_shared);
}

std::vector<float> child_weights(const PackedLevel& level, int64_t child, std::span<const RowId> features) {
  require(child >= 0 && child < std::ssize(level.parents), "no such child");
  const RowId node = level.parents[child];
  const uint32_t column = static_cast<uint32_t>(child - level.children[node]);
  std::vector<float> weights(features.size());
  for (size_t k = 0; k < features.size(); ++k) {
    require(features[k] >= 0, "a feature is negative");
    const int64_t row = packed_row(level, features[k], node);
    for (uint32_t at = row < 0 ? 0 : level.rows[row]; row >= 0 && at < level.rows[row + 1]; ++at)
      if (level.weights[at] >> 16 == column) weights[k] = value_of(level.weights[at]);
  }
  return weights;
}

Packed pack(const Level& level, int64_t n_features, float least, Pool& pool) {
  check_pack(level, n_features, least);
  const std::vector<RowId> dense = dense_nodes(level);
  Packed packed = lay_out(level, n_features, dense.size());
  for_each_row(level, dense, packed, pool, [&](int64_t place, RowId node, int64_t row, int) {
    if (place < std::ssize(packed.nodes)) packed.nodes[place] = node;
    packed.rows[place + 1] = static_cast<uint32_t>(count_kept(weights_of(level, node, row), least));
  });
  sum_up(packed.rows);
  packed.weights.resize(packed.rows.back());
  std::vector<std::vector<uint32_t>> scratch(static_cast<size_t>(pool.size()));
  for_each_row(level, dense, packed, pool, [&](int64_t place, RowId node, int64_t row, int thread) {
    write_kept(weights_of(level, node, row), least, scratch[thread],
               packed.weights.data() + packed.rows[place]);
  });
  return packed;
}

void unpack(const PackedLevel& packed, const Level& level) {
  check_unpack(packed, level);
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
