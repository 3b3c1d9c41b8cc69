// What a Tagger asks of core/routed besides trees themselves: expanded features, given labels, and rows.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <limits>

#include "bind/trees.h"
#include "tagger/centroids.h"
#include "tagger/expand.h"
#include "tagger/score_labels.h"

namespace fewfire {
namespace {

using namespace nb::literals;

using CopiedRows = nb::typed<nb::tuple, Numpy<int64_t>, Numpy<int32_t>, Numpy<float>>;
using Scored = nb::typed<nb::tuple, Numpy<float>, Numpy<int64_t>>;

CopiedRows csr_of(Copied rows) {
  return nb::make_tuple(to_numpy(std::move(rows.indptr)), to_numpy(std::move(rows.indices)),
                        to_numpy(std::move(rows.values)));
}

// Lists of examples, checked.
Targets lists_of(const Inputs& inputs, Array1<const int64_t> indptr, Array1<const RowId> examples) {
  check_lists(view(indptr), examples.size());
  for (const RowId example : view(examples))
    require(example >= 0 && example < inputs.n_rows(), "an example is out of range");
  return {.indptr = view(indptr), .indices = view(examples), .values = {}};
}

Expansion make_expansion(float power, int64_t largest, float pair_scale, Array1<const uint64_t> keys) {
  require(power > 0.0f && pair_scale > 0.0f, "power and pair_scale must be above 0");
  require(largest >= 1 && largest <= kMostLargest, "largest must be in 1 .. 64");
  const auto ascending = view(keys);
  for (size_t i = 0; i < ascending.size(); ++i)
    require((ascending[i] >> 32) < (ascending[i] & 0xffffffffu) &&
                (ascending[i] & 0xffffffffu) <= static_cast<uint64_t>(std::numeric_limits<RowId>::max()) &&
                (i == 0 || ascending[i - 1] < ascending[i]),
            "keys must be pairs of ascending features, and ascend");
  return {.power = power, .largest = largest, .pair_scale = pair_scale, .pairs = PairTable(ascending)};
}

Scored bind_score_labels(const std::vector<PackedTree*>& trees, const std::vector<Inputs*>& inputs,
                         Array1<const int64_t> ids, Array1<const int64_t> indptr, Array1<const RowId> labels,
                         float path_weight, int n_threads) {
  require(indptr.size() == ids.size() + 1, "one list of labels per example is wanted");
  check_lists(view(indptr), labels.size());
  const std::vector<Member> members = members_of(trees, inputs, view(ids));
  check_ascending(view(indptr), view(labels), static_cast<int64_t>(trees[0]->places.size()));
  for (const PackedTree* tree : trees)
    for (const RowId label : view(labels)) require(tree->places[label] >= 0, "a label is in no tree");
  std::vector<float> scores(labels.size());
  Ledger ledger;
  {
    nb::gil_scoped_release unlocked;
    ledger = score_labels(members, view(ids), {.indptr = view(indptr), .indices = view(labels), .values = {}},
                          path_weight, threads_of(n_threads), scores);
  }
  return nb::make_tuple(to_numpy(std::move(scores)), ledger_of(ledger));
}

}  // namespace

void bind_tagger(nb::module_& m) {
  nb::class_<Expansion>(m, "Expansion", "A power of each feature, and pairs of the largest; see expand.h.")
      .def(
          "__init__",
          [](Expansion* self, float power, int64_t largest, float pair_scale, Array1<const uint64_t> keys) {
            new (self) Expansion(make_expansion(power, largest, pair_scale, keys));
          },
          "power"_a, "largest"_a, "pair_scale"_a, "keys"_a.noconvert());
  nb::class_<Expanded, Inputs>(m, "Expanded", "Rows that are expanded when they are asked for.")
      .def(
          "__init__",
          [](Expanded* self, const Inputs& source, const Expansion& expansion) {
            require(expansion.width(source.n_columns()) <= std::numeric_limits<RowId>::max(),
                    "too many features and pairs");
            new (self) Expanded(source, expansion);
          },
          "source"_a, "expansion"_a, nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>());
  m.def(
      "copy_rows",
      [](const Inputs& inputs, int n_threads) -> CopiedRows {
        Copied copy;
        {
          nb::gil_scoped_release unlocked;
          Pool pool(threads_of(n_threads));
          copy = copy_rows(inputs, pool);
        }
        return csr_of(std::move(copy));
      },
      "inputs"_a, "n_threads"_a, "All rows as CSR: (indptr, indices, values).");
  m.def(
      "count_values",
      [](const Inputs& inputs, int n_threads) {
        nb::gil_scoped_release unlocked;
        Pool pool(threads_of(n_threads));
        return count_values(inputs, pool).back();
      },
      "inputs"_a, "n_threads"_a, "How many values all rows have.");
  m.def(
      "centroids",
      [](const Inputs& inputs, Array1<const int64_t> indptr, Array1<const RowId> examples,
         int n_threads) -> CopiedRows {
        const Targets lists = lists_of(inputs, indptr, examples);
        Copied found;
        {
          nb::gil_scoped_release unlocked;
          Pool pool(threads_of(n_threads));
          found = centroids(inputs, lists, pool);
        }
        return csr_of(std::move(found));
      },
      "inputs"_a, "indptr"_a.noconvert(), "examples"_a.noconvert(), "n_threads"_a,
      "The mean direction of each list's examples as CSR: (indptr, indices, values).");
  m.def(
      "count_features",
      [](const Inputs& inputs, Array1<const int64_t> indptr, Array1<const RowId> examples, int n_threads) {
        const Targets lists = lists_of(inputs, indptr, examples);
        std::vector<int64_t> begins;
        {
          nb::gil_scoped_release unlocked;
          Pool pool(threads_of(n_threads));
          begins = count_features(inputs, lists, pool);
        }
        return to_numpy(std::move(begins));
      },
      "inputs"_a, "indptr"_a.noconvert(), "examples"_a.noconvert(), "n_threads"_a,
      "How many features each list's examples have, summed up from 0 on: the indptr of `centroids`.");
  m.def(
      "count_pairs",
      [](const Inputs& inputs, int64_t most, int64_t least, int n_threads) {
        require(most >= 1 && most <= kMostLargest && least >= 1, "most must be in 1 .. 64, least at least 1");
        std::vector<uint64_t> keys;
        {
          nb::gil_scoped_release unlocked;
          Pool pool(threads_of(n_threads));
          keys = count_pairs(inputs, most, least, pool);
        }
        return to_numpy(std::move(keys));
      },
      "inputs"_a, "most"_a, "least"_a, "n_threads"_a,
      "The keys of the pairs that are among the largest features of enough rows.");
  m.def("score_labels", &bind_score_labels, "trees"_a, "inputs"_a, "ids"_a.noconvert(),
        "indptr"_a.noconvert(), "labels"_a.noconvert(), "path_weight"_a, "n_threads"_a,
        "The likelihoods of given labels: (likelihoods, ledger).");
}

}  // namespace fewfire
