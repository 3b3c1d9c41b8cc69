#include "tagger/valid.h"

#include <bit>
#include <cmath>

namespace fewfire {
namespace {

// Of a Level or a PackedLevel: children know their node.
template <class AnyLevel>
void check_parents(const AnyLevel& level) {
  for (int64_t node = 0; node < level.n_nodes(); ++node)
    for (int64_t child = level.children[node]; child < level.children[node + 1]; ++child)
      require(level.parents[child] == node, "parents do not fit children");
}

void check_blocks(const Level& level) {
  for (int64_t node = 0; node < level.n_nodes(); ++node) {
    const int64_t size = level.blocks[node + 1] - level.blocks[node];
    require(level.n_children(node) > 0 && level.width(node) == padded(level.n_children(node)),
            "a node's columns are its children, padded to 16");
    require(size > 0 && size % level.width(node) == 0 && level.known[node] >= 0 &&
                level.known[node] <= level.n_rows(node),
            "a node's block must hold whole rows, those of its known features first");
  }
}

void check_tables(const Level& level) {
  for (size_t feature = 0; feature + 1 < level.tables.size(); ++feature) {
    const std::span<const uint64_t> table = table_of(level, static_cast<RowId>(feature));
    bool has_empty = table.empty();
    require(table.empty() || std::has_single_bit(table.size()), "the size of a table is a power of two");
    for (const uint64_t entry : table) {
      has_empty |= entry == kNoEntry;
      require(entry == kNoEntry || (static_cast<int64_t>(entry >> 32) < level.n_nodes() &&
                                    static_cast<int64_t>(entry & 0xffffffffu) < level.known[entry >> 32]),
              "a table names a row that its node has not");
    }
    require(has_empty, "a table needs an empty place");
  }
}

void check_packed_row(const PackedLevel& level, int64_t row, int64_t node) {
  for (uint32_t k = level.rows[row]; k < level.rows[row + 1]; ++k) {
    require(static_cast<int64_t>(level.weights[k] >> 16) < level.n_children(node),
            "a weight is of no child of its node");
    require(std::isfinite(value_of(level.weights[k])), "weights of a level are not all finite");
  }
}

}  // namespace

Level checked(Level level) {
  const size_t n = level.known.size();
  require(!level.tables.empty(), "tables need a begin");
  require(n > 0, "a level needs a node");
  check_begins(level.children, n, level.parents.size(), "children must be the begins of the parents' lists");
  check_begins(level.tables, level.tables.size() - 1, level.entries.size(),
               "tables must be begins in the entries");
  check_begins(level.blocks, n, level.weights.size(), "blocks must be begins in the weights");
  check_begins(level.columns, n, level.bias.size(), "columns must be begins in the bias");
  require(level.bias_moments.size() == level.bias.size(), "one moment per bias is wanted");
  check_blocks(level);
  check_parents(level);
  check_tables(level);
  return level;
}

Tree checked(Tree tree) {
  check_levels(tree.levels);
  for (const Level& level : tree.levels)
    for (int64_t node = 0; node < level.n_nodes(); ++node)
      require(level.n_shared(node) > 0 || level.known[node] == tree.n_features,
              "a node without shared rows must have a row for each feature");
  return tree;
}

PackedLevel checked(PackedLevel level) {
  require(level.shared.size() > 1 && !level.lists.empty() && !level.rows.empty(), "a level needs a node");
  const size_t n = level.shared.size() - 1;
  check_begins(level.children, n, level.parents.size(), "children must be the begins of the parents' lists");
  require(level.bias.size() == level.parents.size(), "one bias per child is wanted");
  check_begins(level.lists, level.lists.size() - 1, level.nodes.size(), "lists must be begins in the nodes");
  check_begins(level.shared, n, level.rows.size() - 1 - level.nodes.size(),
               "rows are those of nodes, then the shared ones");
  check_begins(level.rows, level.rows.size() - 1, level.weights.size(), "rows must be begins in the weights");
  check_ascending({level.lists, level.nodes}, static_cast<int64_t>(n));
  for (int64_t node = 0; node < level.n_nodes(); ++node) {
    require(level.n_children(node) > 0, "a node needs a child");
    for (int64_t row = level.shared[node]; row < level.shared[node + 1]; ++row)
      check_packed_row(level, static_cast<int64_t>(level.nodes.size()) + row, node);
  }
  check_parents(level);
  for (size_t row = 0; row < level.nodes.size(); ++row)
    check_packed_row(level, static_cast<int64_t>(row), level.nodes[row]);
  return level;
}

}  // namespace fewfire
