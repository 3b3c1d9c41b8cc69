// Packed trees, and what they answer.
#include "bind/trees.h"
#include "tagger/calibrate.h"
#include "tagger/score_labels.h"
#include "tagger/valid.h"

namespace fewfire {
namespace {

using PackedResult = nb::typed<nb::tuple, Numpy<float>, Numpy<int64_t>, Numpy<int32_t>, Numpy<int64_t>,
                               Numpy<uint32_t>, Numpy<uint32_t>>;
using Predicted = nb::typed<nb::tuple, Numpy<int32_t>, Numpy<float>, Numpy<int64_t>>;
using Scored = nb::typed<nb::tuple, Numpy<float>, Numpy<int64_t>>;

PackedResult pack_level(const Level& level, int64_t n_features, float least, int n_threads) {
  Packed packed = unlocked(n_threads, [&](Pool& pool) { return pack(level, n_features, least, pool); });
  return nb::make_tuple(to_numpy(std::move(packed.bias)), to_numpy(std::move(packed.lists)),
                        to_numpy(std::move(packed.nodes)), to_numpy(std::move(packed.shared)),
                        to_numpy(std::move(packed.rows)), to_numpy(std::move(packed.weights)));
}

Predicted predict(const std::vector<PackedTree*>& trees, const std::vector<Inputs*>& inputs,
                  Array1<const int64_t> ids, int64_t k, int64_t beam, float path_weight, int n_threads) {
  Found found = unlocked([&] {
    return predict_trees(members_of(trees, inputs), view(ids), {.beam = beam, .path_weight = path_weight}, k,
                         n_threads);
  });
  const size_t n = ids.size(), width = static_cast<size_t>(k);
  return nb::make_tuple(to_numpy(std::move(found.labels), {n, width}),
                        to_numpy(std::move(found.likelihoods), {n, width}), ledger_of(found.ledger));
}

Scored score(const std::vector<PackedTree*>& trees, const std::vector<Inputs*>& inputs,
             Array1<const int64_t> ids, Array1<const int64_t> indptr, Array1<const RowId> labels,
             float path_weight, int n_threads) {
  Likelihoods found = unlocked([&] {
    return score_labels(members_of(trees, inputs), view(ids), {view(indptr), view(labels)}, path_weight,
                        n_threads);
  });
  return nb::make_tuple(to_numpy(std::move(found.values)), ledger_of(found.ledger));
}

void bind_packed_tree(nb::module_& m) {
  nb::class_<PackedLevel>(m, "PackedLevel", "The nodes of one level, packed; see core/tagger/packed.h.")
      .def(
          "__init__",
          [](PackedLevel* self, Array1<const int64_t> children, Array1<const RowId> parents,
             Array1<const float> bias, Array1<const int64_t> lists, Array1<const RowId> nodes,
             Array1<const int64_t> shared, Array1<const uint32_t> rows, Array1<const uint32_t> weights) {
            new (self)
                PackedLevel(checked(PackedLevel{view(children), view(parents), view(bias), view(lists),
                                                view(nodes), view(shared), view(rows), view(weights)}));
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
            new (self) PackedTree(levels, n_features, tree_loss_of(loss), view(labels), n_labels);
          },
          "levels"_a, "n_features"_a, "loss"_a, "labels"_a.noconvert(), "n_labels"_a, nb::keep_alive<1, 2>(),
          nb::keep_alive<1, 5>());
}

}  // namespace

void bind_packed(nb::module_& m) {
  bind_packed_tree(m);
  m.def("pack_level", &pack_level, "level"_a, "n_features"_a, "least"_a, "n_threads"_a,
        "What a PackedLevel takes: (bias, lists, nodes, shared, rows, weights).");
  m.def("count_kept", &count_kept, "level"_a, "least"_a, nb::call_guard<nb::gil_scoped_release>(),
        "How many weights `pack_level` keeps.");
  m.def("unpack_level", &unpack, "packed"_a, "level"_a, nb::call_guard<nb::gil_scoped_release>(),
        "Write weights and biases into a level of the same nodes and vocabularies.");
  m.def(
      "packed_weights",
      [](const PackedLevel& level, int64_t child, Array1<const RowId> ids) {
        return to_numpy(child_weights(level, child, view(ids)));
      },
      "level"_a, "child"_a, "ids"_a.noconvert(), "What features say of a child.");
  m.def("predict_trees", &predict, "trees"_a, "inputs"_a, "ids"_a.noconvert(), "k"_a, "beam"_a,
        "path_weight"_a, "n_threads"_a,
        "The k likeliest labels of each example: (labels, likelihoods, ledger).");
  m.def(
      "calibrate",
      [](Array1<float> likelihoods, double a, double b, double c) { calibrate(view(likelihoods), a, b, c); },
      "likelihoods"_a.noconvert(), "a"_a, "b"_a, "c"_a, "Likelihoods as probabilities, in place.");
  m.def("score_labels", &score, "trees"_a, "inputs"_a, "ids"_a.noconvert(), "indptr"_a.noconvert(),
        "labels"_a.noconvert(), "path_weight"_a, "n_threads"_a,
        "The likelihoods of given labels: (likelihoods, ledger).");
}

}  // namespace fewfire
