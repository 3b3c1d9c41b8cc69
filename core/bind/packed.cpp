// Packed trees, as Python sees them.
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cmath>

#include "bind/trees.h"

namespace fewfire {
namespace {

using namespace nb::literals;

void check_packed(const PackedLevel& level) {
  const size_t n = level.shared.size() - 1;
  require(!level.shared.empty() && n > 0 && !level.lists.empty() && !level.rows.empty(),
          "a level needs a node");
  check_begins(level.children, n, level.parents.size(), "children must be the begins of the parents' lists");
  require(level.bias.size() == level.parents.size(), "one bias per child is wanted");
  check_begins(level.lists, level.lists.size() - 1, level.nodes.size(), "lists must be begins in the nodes");
  check_begins(level.shared, n, level.rows.size() - 1 - level.nodes.size(),
               "rows are those of nodes, then the shared ones");
  check_begins(level.rows, level.rows.size() - 1, level.weights.size(), "rows must be begins in the weights");
  check_ascending(level.lists, level.nodes, static_cast<int64_t>(n));
  const auto check_row = [&](int64_t row, int64_t node) {
    for (uint32_t k = level.rows[row]; k < level.rows[row + 1]; ++k) {
      require(static_cast<int64_t>(level.weights[k] >> 16) < level.n_children(node),
              "a weight is of no child of its node");
      require(std::isfinite(value_of(level.weights[k])), "weights of a level are not all finite");
    }
  };
  for (size_t node = 0; node < n; ++node) {
    require(level.n_children(node) > 0, "a node needs a child");
    for (int64_t row = level.shared[node]; row < level.shared[node + 1]; ++row)
      check_row(static_cast<int64_t>(level.nodes.size()) + row, static_cast<int64_t>(node));
  }
  check_parents(level);
  for (size_t row = 0; row < level.nodes.size(); ++row)
    check_row(static_cast<int64_t>(row), level.nodes[row]);
}

PackedTree make_tree(const std::vector<PackedLevel>& levels, int64_t n_features, const std::string& loss,
                     std::span<const RowId> labels, int64_t n_labels) {
  check_levels(levels);
  require(static_cast<int64_t>(labels.size()) == levels.back().children.back(),
          "one label per place of the tree is wanted");
  PackedTree tree{levels, n_features, tree_loss_of(loss), labels,
                  std::vector<RowId>(static_cast<size_t>(n_labels), -1)};
  for (size_t place = 0; place < labels.size(); ++place) {
    require(labels[place] >= 0 && labels[place] < n_labels && tree.places[labels[place]] < 0,
            "labels of a tree must be distinct, and in range");
    tree.places[labels[place]] = static_cast<RowId>(place);
  }
  return tree;
}

using PackedResult = nb::typed<nb::tuple, Numpy<float>, Numpy<int64_t>, Numpy<int32_t>, Numpy<int64_t>,
                               Numpy<uint32_t>, Numpy<uint32_t>>;

}  // namespace

void bind_packed(nb::module_& m) {
  nb::class_<PackedLevel>(m, "PackedLevel", "The nodes of one level, packed; see core/routed/packed.h.")
      .def(
          "__init__",
          [](PackedLevel* self, Array1<const int64_t> children, Array1<const RowId> parents,
             Array1<const float> bias, Array1<const int64_t> lists, Array1<const RowId> nodes,
             Array1<const int64_t> shared, Array1<const uint32_t> rows, Array1<const uint32_t> weights) {
            require(shared.size() > 0, "a level needs a node");
            const PackedLevel level{view(children), view(parents), view(bias), view(lists),
                                    view(nodes),    view(shared),  view(rows), view(weights)};
            check_packed(level);
            new (self) PackedLevel(level);
          },
          "children"_a.noconvert(), "parents"_a.noconvert(), "bias"_a.noconvert(), "lists"_a.noconvert(),
          "nodes"_a.noconvert(), "shared"_a.noconvert(), "rows"_a.noconvert(), "weights"_a.noconvert(),
          nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>(), nb::keep_alive<1, 4>(), nb::keep_alive<1, 5>(),
          nb::keep_alive<1, 6>(), nb::keep_alive<1, 7>(), nb::keep_alive<1, 8>(), nb::keep_alive<1, 9>());
  nb::class_<PackedTree>(m, "PackedTree")
      .def(
          "__init__",
          [](PackedTree* self, const std::vector<PackedLevel>& levels, int64_t n_features,
             const std::string& loss, Array1<const RowId> labels, int64_t n_labels) {
            new (self) PackedTree(make_tree(levels, n_features, loss, view(labels), n_labels));
          },
          "levels"_a, "n_features"_a, "loss"_a, "labels"_a.noconvert(), "n_labels"_a, nb::keep_alive<1, 2>(),
          nb::keep_alive<1, 5>());
  m.def(
      "pack_level",
      [](const Level& level, int64_t n_features, float least, int n_threads) -> PackedResult {
        require(least >= 0.0f, "least must be at least 0");
        for (int64_t node = 0; node < level.n_nodes(); ++node)
          require(level.n_children(node) <= 65536 &&
                      (level.n_shared(node) > 0 || level.known[node] >= n_features),
                  "a node has too many children, or features without a row");
        Packed packed;
        {
          nb::gil_scoped_release unlocked;
          Pool pool(threads_of(n_threads));
          packed = pack(level, n_features, least, pool);
        }
        return nb::make_tuple(to_numpy(std::move(packed.bias)), to_numpy(std::move(packed.lists)),
                              to_numpy(std::move(packed.nodes)), to_numpy(std::move(packed.shared)),
                              to_numpy(std::move(packed.rows)), to_numpy(std::move(packed.weights)));
      },
      "level"_a, "n_features"_a, "least"_a, "n_threads"_a,
      "What a PackedLevel takes: (bias, lists, nodes, shared, rows, weights).");
  m.def(
      "count_kept",
      [](const Level& level, float least) {
        nb::gil_scoped_release unlocked;
        return count_kept(level, least);
      },
      "level"_a, "least"_a, "How many weights `pack_level` keeps.");
  m.def(
      "packed_weights",
      [](const PackedLevel& level, int64_t child, Array1<const RowId> ids) {
        require(child >= 0 && child < static_cast<int64_t>(level.parents.size()), "no such child");
        const RowId node = level.parents[child];
        const uint32_t column = static_cast<uint32_t>(child - level.children[node]);
        std::vector<float> weights(ids.size());
        for (size_t k = 0; k < ids.size(); ++k) {
          require(view(ids)[k] >= 0, "a feature is negative");
          const int64_t row = packed_row(level, view(ids)[k], node);
          for (uint32_t at = row < 0 ? 0 : level.rows[row]; row >= 0 && at < level.rows[row + 1]; ++at)
            if (level.weights[at] >> 16 == column) weights[k] = value_of(level.weights[at]);
        }
        return to_numpy(std::move(weights));
      },
      "level"_a, "child"_a, "ids"_a.noconvert(), "What features say of a child.");
  m.def(
      "unpack_level",
      [](const PackedLevel& packed, const Level& level) {
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
        nb::gil_scoped_release unlocked;
        unpack(packed, level);
      },
      "packed"_a, "level"_a, "Write weights and biases into a level of the same nodes and vocabularies.");
}

}  // namespace fewfire
