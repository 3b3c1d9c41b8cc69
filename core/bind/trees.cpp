// The trees of core/routed, as Python sees them.
#include "bind/trees.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <bit>

#include "tagger/cluster.h"
#include "tagger/predict_trees.h"
#include "tagger/train_tree.h"
#include "tagger/vocabulary.h"

namespace fewfire {
namespace {

using namespace nb::literals;

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

// Everything that the core will follow without looking.
void check_level(const Level& level) {
  const size_t n = level.known.size();
  require(!level.tables.empty(), "tables need a begin");
  require(n > 0, "a level needs a node");
  check_begins(level.children, n, level.parents.size(), "children must be the begins of the parents' lists");
  check_begins(level.tables, level.tables.size() - 1, level.entries.size(),
               "tables must be begins in the entries");
  check_begins(level.blocks, n, level.weights.size(), "blocks must be begins in the weights");
  check_begins(level.columns, n, level.bias.size(), "columns must be begins in the bias");
  require(level.bias_moments.size() == level.bias.size(), "one moment per bias is wanted");
  for (size_t i = 0; i < n; ++i) {
    const int64_t node = static_cast<int64_t>(i), size = level.blocks[node + 1] - level.blocks[node];
    require(level.n_children(node) > 0 && level.width(node) == padded(level.n_children(node)),
            "a node's columns are its children, padded to 16");
    require(size > 0 && size % level.width(node) == 0 && level.known[node] >= 0 &&
                level.known[node] <= level.n_rows(node),
            "a node's block must hold whole rows, those of its known features first");
  }
  check_parents(level);
  check_tables(level);
}

void check_tree(const Tree& tree) {
  check_levels(tree.levels);
  for (const Level& level : tree.levels)
    for (int64_t node = 0; node < level.n_nodes(); ++node)
      require(level.n_shared(node) > 0 || level.known[node] == tree.n_features,
              "a node without shared rows must have a row for each feature");
}

using VocabularyResult = nb::typed<nb::tuple, Numpy<int64_t>, Numpy<int32_t>>;
using Predicted = nb::typed<nb::tuple, Numpy<int32_t>, Numpy<float>, Numpy<int64_t>>;
using Trained = nb::typed<nb::tuple, double, Numpy<int64_t>>;

Predicted bind_predict(const std::vector<PackedTree*>& trees, const std::vector<Inputs*>& inputs,
                       Array1<const int64_t> ids, int64_t k, int64_t beam, float path_weight, int n_threads) {
  require(k >= 1 && beam >= 1, "k and beam must be at least 1");
  const std::vector<Member> members = members_of(trees, inputs, view(ids));
  const size_t n = ids.size(), width = static_cast<size_t>(k);
  std::vector<RowId> best(n * width);
  std::vector<float> scores(n * width);
  Ledger ledger;
  {
    nb::gil_scoped_release unlocked;
    ledger = predict_trees(members, view(ids), {.beam = beam, .path_weight = path_weight}, k,
                           threads_of(n_threads), {best.data(), static_cast<int64_t>(n), k},
                           {scores.data(), static_cast<int64_t>(n), k});
  }
  return nb::make_tuple(to_numpy(std::move(best), {n, width}), to_numpy(std::move(scores), {n, width}),
                        ledger_of(ledger));
}

}  // namespace

void bind_trees(nb::module_& m) {
  nb::class_<Level>(m, "Level", "The nodes of one level of a tree; see core/routed/tree.h.")
      .def(
          "__init__",
          [](Level* self, Array1<const int64_t> children, Array1<const RowId> parents,
             Array1<const int64_t> tables, Array1<const uint64_t> entries, Array1<const int64_t> known,
             Array1<const int64_t> blocks, Array1<const int64_t> columns, Array1<float> weights,
             Array1<float> bias, Array1<float> bias_moments) {
            const Level level{.children = view(children),
                              .parents = view(parents),
                              .tables = view(tables),
                              .entries = view(entries),
                              .known = view(known),
                              .blocks = view(blocks),
                              .columns = view(columns),
                              .weights = view(weights),
                              .bias = view(bias),
                              .bias_moments = view(bias_moments)};
            check_level(level);
            new (self) Level(level);
          },
          "children"_a.noconvert(), "parents"_a.noconvert(), "tables"_a.noconvert(), "entries"_a.noconvert(),
          "known"_a.noconvert(), "blocks"_a.noconvert(), "columns"_a.noconvert(), "weights"_a.noconvert(),
          "bias"_a.noconvert(), "bias_moments"_a.noconvert(), nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>(),
          nb::keep_alive<1, 4>(), nb::keep_alive<1, 5>(), nb::keep_alive<1, 6>(), nb::keep_alive<1, 7>(),
          nb::keep_alive<1, 8>(), nb::keep_alive<1, 9>(), nb::keep_alive<1, 10>(), nb::keep_alive<1, 11>());
  nb::class_<Tree>(m, "Tree").def(
      "__init__",
      [](Tree* self, const std::vector<Level>& levels, int64_t n_features) {
        const Tree tree{levels, n_features};
        check_tree(tree);
        new (self) Tree(tree);
      },
      "levels"_a, "n_features"_a, nb::keep_alive<1, 2>());
  m.def(
      "cluster",
      [](const SparseInputs& rows, int depth, uint64_t seed, int n_threads) {
        require(depth >= 0 && depth <= 30 && rows.n_rows() >= int64_t{1} << depth,
                "2^depth cells want as many rows");
        std::vector<RowId> order;
        {
          nb::gil_scoped_release unlocked;
          Pool pool(threads_of(n_threads));
          order = cluster(rows, depth, seed, pool);
        }
        return std::pair(to_numpy(std::move(order)), to_numpy(stretches(rows.n_rows(), depth)));
      },
      "rows"_a, "depth"_a, "seed"_a, "n_threads"_a,
      "An order of the rows, and the begins of its 2^depth cells.");
  m.def(
      "collect_vocabulary",
      [](const Inputs& inputs, Array1<const int64_t> indptr, Array1<const RowId> members,
         Array1<const int64_t> most, int n_threads) -> VocabularyResult {
        check_lists(view(indptr), members.size());
        require(indptr.size() == most.size() + 1, "one limit per node is wanted");
        for (const RowId example : view(members))
          require(example >= 0 && example < inputs.n_rows(), "an example is out of range");
        Vocabulary found;
        {
          nb::gil_scoped_release unlocked;
          Pool pool(threads_of(n_threads));
          found = collect(inputs, {.indptr = view(indptr), .indices = view(members), .values = {}},
                          view(most), pool);
        }
        return nb::make_tuple(to_numpy(std::move(found.indptr)), to_numpy(std::move(found.features)));
      },
      "inputs"_a, "indptr"_a.noconvert(), "members"_a.noconvert(), "most"_a.noconvert(), "n_threads"_a,
      "The features of each node's examples, the heaviest first: (indptr, features).");
  m.def(
      "fill_tables",
      [](Array1<const int64_t> indptr, Array1<const RowId> features) {
        check_lists(view(indptr), features.size());
        for (const RowId feature : view(features)) require(feature >= 0, "a feature is out of range");
        Tables tables;
        {
          nb::gil_scoped_release unlocked;
          tables = fill_tables(view(indptr), view(features));
        }
        return std::pair(to_numpy(std::move(tables.begins)), to_numpy(std::move(tables.entries)));
      },
      "indptr"_a.noconvert(), "features"_a.noconvert(),
      "The features' tables of the nodes that know them: (begins, entries).");
  m.def(
      "train_tree",
      [](const Tree& tree, const Inputs& inputs, Array1<const int64_t> label_indptr,
         Array1<const RowId> labels, Array1<const int64_t> order, Array1<const float> rates,
         const std::string& loss, const std::vector<float>& lr, int64_t n_negatives, float least_path,
         float negative_scale, float thin, float bias_lr, double loss_before, int n_threads) -> Trained {
        require(tree.n_features == inputs.n_columns(), "inputs have another width than the tree");
        check_lists(view(label_indptr), labels.size());
        require(static_cast<int64_t>(label_indptr.size()) == inputs.n_rows() + 1,
                "labels must have a list per example");
        check_ascending(view(label_indptr), view(labels), tree.n_labels());
        check_examples(view(order), inputs.n_rows());
        require(n_negatives >= 0, "n_negatives must be at least 0");
        require(order.size() == rates.size() && lr.size() == tree.levels.size(),
                "one rate per example and level is wanted");
        TreeTotals totals;
        {
          nb::gil_scoped_release unlocked;
          totals =
              train_tree(tree, inputs, {.indptr = view(label_indptr), .indices = view(labels), .values = {}},
                         view(order), view(rates),
                         {.loss = tree_loss_of(loss),
                          .n_negatives = n_negatives,
                          .least_path = least_path,
                          .negative_scale = negative_scale,
                          .thin = thin,
                          .bias_lr = bias_lr,
                          .lr = lr,
                          .loss_before = loss_before},
                         threads_of(n_threads));
        }
        return nb::make_tuple(totals.loss, ledger_of(totals.ledger));
      },
      "tree"_a, "inputs"_a, "label_indptr"_a.noconvert(), "labels"_a.noconvert(), "order"_a.noconvert(),
      "rates"_a.noconvert(), "loss"_a, "lr"_a, "n_negatives"_a, "least_path"_a, "negative_scale"_a, "thin"_a,
      "bias_lr"_a, "loss_before"_a, "n_threads"_a,
      "Train on a slice of an epoch: (loss sum so far, ledger).");
  m.def("predict_trees", &bind_predict, "trees"_a, "inputs"_a, "ids"_a.noconvert(), "k"_a, "beam"_a,
        "path_weight"_a, "n_threads"_a,
        "The k likeliest labels of each example: (labels, likelihoods, ledger).");
}

}  // namespace fewfire
