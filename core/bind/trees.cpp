// Trees: how they are grown, and their training.
#include "bind/trees.h"

#include "tagger/cluster.h"
#include "tagger/train_tree.h"
#include "tagger/valid.h"
#include "tagger/vocabulary.h"

namespace fewfire {
namespace {

using VocabularyResult = nb::typed<nb::tuple, Numpy<int64_t>, Numpy<int32_t>>;
using TablesResult = nb::typed<nb::tuple, Numpy<int64_t>, Numpy<uint64_t>>;
using ClusterResult = nb::typed<nb::tuple, Numpy<int32_t>, Numpy<int64_t>>;
using TrainedTree = nb::typed<nb::tuple, double, Numpy<int64_t>>;

ClusterResult cluster_rows(const SparseInputs& rows, int depth, uint64_t seed, int n_threads) {
  Leaves leaves = unlocked(n_threads, [&](Pool& pool) { return cluster(rows, depth, seed, pool); });
  return nb::make_tuple(to_numpy(std::move(leaves.order)), to_numpy(std::move(leaves.begins)));
}

VocabularyResult collect_vocabulary(const Inputs& inputs, Array1<const int64_t> indptr,
                                    Array1<const RowId> members, RowId first, int32_t least,
                                    Array1<const int64_t> most, int n_threads) {
  Vocabulary found = unlocked(n_threads, [&](Pool& pool) {
    return collect(inputs, {view(indptr), view(members)}, {first, least}, view(most), pool);
  });
  return nb::make_tuple(to_numpy(std::move(found.indptr)), to_numpy(std::move(found.features)));
}

auto count_vocabulary(const Inputs& inputs, Array1<const int64_t> indptr, Array1<const RowId> members,
                      RowId first, int32_t least, int n_threads) {
  return to_numpy(unlocked(n_threads, [&](Pool& pool) {
    return count_known(inputs, {view(indptr), view(members)}, {first, least}, pool);
  }));
}

TablesResult make_tables(Array1<const int64_t> indptr, Array1<const RowId> features) {
  Tables tables = unlocked([&] { return fill_tables({view(indptr), view(features)}); });
  return nb::make_tuple(to_numpy(std::move(tables.begins)), to_numpy(std::move(tables.entries)));
}

Slice slice_of(const Inputs& inputs, Array1<const int64_t> label_indptr, Array1<const RowId> labels,
               Array1<const int64_t> order, Array1<const float> rates, Array1<const float> weights,
               double loss_before) {
  return {.inputs = inputs,
          .labels = {view(label_indptr), view(labels)},
          .order = view(order),
          .shares = {view(rates), view(weights)},
          .loss_before = loss_before};
}

TrainedTree told(const TreeTotals& totals) { return nb::make_tuple(totals.loss, ledger_of(totals.ledger)); }

TrainedTree train_tree_slice(const Tree& tree, const Inputs& inputs, Array1<const int64_t> label_indptr,
                             Array1<const RowId> labels, Array1<const int64_t> order,
                             Array1<const float> rates, Array1<const float> weights,
                             const TreeOptions& options, double loss_before, int n_threads) {
  const Slice slice = slice_of(inputs, label_indptr, labels, order, rates, weights, loss_before);
  return told(unlocked([&] { return train_tree(tree, slice, options, n_threads); }));
}

TrainedTree train_router_slice(const Tree& tree, const Inputs& inputs, Array1<const int64_t> label_indptr,
                               Array1<const RowId> labels, Array1<const int64_t> order,
                               Array1<const float> rates, Array1<const float> weights,
                               const TreeOptions& options, double loss_before, Array1<RowId> opened,
                               int n_threads) {
  const Slice slice = slice_of(inputs, label_indptr, labels, order, rates, weights, loss_before);
  return told(unlocked([&] { return train_router(tree, slice, options, view(opened), n_threads); }));
}

TrainedTree train_leaves_slice(const Level& level, const Inputs& inputs, Array1<const int64_t> label_indptr,
                               Array1<const RowId> labels, Array1<const int64_t> order,
                               Array1<const float> rates, Array1<const float> weights,
                               const TreeOptions& options, double loss_before, Array1<const RowId> opened,
                               RowId first, int n_threads) {
  const Slice slice = slice_of(inputs, label_indptr, labels, order, rates, weights, loss_before);
  return told(unlocked([&] { return train_leaves(level, slice, options, view(opened), first, n_threads); }));
}

void bind_options(nb::module_& m) {
  nb::class_<TreeOptions>(m, "TreeOptions", "How a tree learns; see core/tagger/train_tree.h.")
      .def(
          "__init__",
          [](TreeOptions* self, const std::string& loss, const std::vector<float>& lr, int64_t n_negatives,
             float least_path, float negative_scale, float thin, float bias_lr, float slowing) {
            new (self) TreeOptions{.loss = tree_loss_of(loss),
                                   .n_negatives = n_negatives,
                                   .least_path = least_path,
                                   .negative_scale = negative_scale,
                                   .thin = thin,
                                   .bias_lr = bias_lr,
                                   .slowing = slowing,
                                   .lr = lr};
          },
          "loss"_a, "lr"_a, "n_negatives"_a, "least_path"_a, "negative_scale"_a, "thin"_a, "bias_lr"_a,
          "slowing"_a)
      .def_ro("n_negatives", &TreeOptions::n_negatives);
}

void bind_training(nb::module_& m) {
  m.def("train_tree", &train_tree_slice, "tree"_a, "inputs"_a, "label_indptr"_a.noconvert(),
        "labels"_a.noconvert(), "order"_a.noconvert(), "rates"_a.noconvert(), "weights"_a.noconvert(),
        "options"_a, "loss_before"_a, "n_threads"_a,
        "Train on a slice of an epoch: (loss sum so far, ledger).");
  m.def("train_router", &train_router_slice, "tree"_a, "inputs"_a, "label_indptr"_a.noconvert(),
        "labels"_a.noconvert(), "order"_a.noconvert(), "rates"_a.noconvert(), "weights"_a.noconvert(),
        "options"_a, "loss_before"_a, "opened"_a.noconvert(), "n_threads"_a,
        "Train the levels above the leaves, which are its labels, and write down those that learn though "
        "they hold no label: (loss sum so far, ledger).");
  m.def("train_leaves", &train_leaves_slice, "level"_a, "inputs"_a, "label_indptr"_a.noconvert(),
        "labels"_a.noconvert(), "order"_a.noconvert(), "rates"_a.noconvert(), "weights"_a.noconvert(),
        "options"_a, "loss_before"_a, "opened"_a.noconvert(), "first"_a, "n_threads"_a,
        "Train some leaves on what a router wrote down: (loss sum so far, ledger).");
}

void bind_tree(nb::module_& m) {
  nb::class_<Level>(m, "Level", "The nodes of one level of a tree; see core/tagger/tree.h.")
      .def(
          "__init__",
          [](Level* self, Array1<const int64_t> children, Array1<const RowId> parents,
             Array1<const int64_t> tables, Array1<const uint64_t> entries, Array1<const int64_t> known,
             Array1<const int64_t> blocks, Array1<const int64_t> columns, Array1<float> weights,
             Array1<float> bias, Array1<float> bias_moments) {
            new (self) Level(checked(Level{.children = view(children),
                                           .parents = view(parents),
                                           .tables = view(tables),
                                           .entries = view(entries),
                                           .known = view(known),
                                           .blocks = view(blocks),
                                           .columns = view(columns),
                                           .weights = view(weights),
                                           .bias = view(bias),
                                           .bias_moments = view(bias_moments)}));
          },
          "children"_a.noconvert(), "parents"_a.noconvert(), "tables"_a.noconvert(), "entries"_a.noconvert(),
          "known"_a.noconvert(), "blocks"_a.noconvert(), "columns"_a.noconvert(), "weights"_a.noconvert(),
          "bias"_a.noconvert(), "bias_moments"_a.noconvert(), nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>(),
          nb::keep_alive<1, 4>(), nb::keep_alive<1, 5>(), nb::keep_alive<1, 6>(), nb::keep_alive<1, 7>(),
          nb::keep_alive<1, 8>(), nb::keep_alive<1, 9>(), nb::keep_alive<1, 10>(), nb::keep_alive<1, 11>());
  nb::class_<Tree>(m, "Tree").def(
      "__init__",
      [](Tree* self, const std::vector<Level>& levels, int64_t n_features) {
        new (self) Tree(checked(Tree{levels, n_features}));
      },
      "levels"_a, "n_features"_a, nb::keep_alive<1, 2>());
}

}  // namespace

void bind_trees(nb::module_& m) {
  bind_tree(m);
  bind_options(m);
  bind_training(m);
  m.def("cluster", &cluster_rows, "rows"_a, "depth"_a, "seed"_a, "n_threads"_a,
        "An order of the rows, and the begins of its 2^depth leaves.");
  m.def("collect_vocabulary", &collect_vocabulary, "inputs"_a, "indptr"_a.noconvert(),
        "members"_a.noconvert(), "first"_a, "least"_a, "most"_a.noconvert(), "n_threads"_a,
        "The features of each node's examples, the heaviest first, and those from `first` on only where "
        "`least` examples have them: (indptr, features).");
  m.def("count_vocabulary", &count_vocabulary, "inputs"_a, "indptr"_a.noconvert(), "members"_a.noconvert(),
        "first"_a, "least"_a, "n_threads"_a, "How many features `collect_vocabulary` finds without a limit.");
  m.def("fill_tables", &make_tables, "indptr"_a.noconvert(), "features"_a.noconvert(),
        "The features' tables of the nodes that know them: (begins, entries).");
}

}  // namespace fewfire
