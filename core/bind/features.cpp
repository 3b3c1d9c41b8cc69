// Features as trees read them, and what is known of their rows.
#include "bind/convert.h"
#include "tagger/centroids.h"
#include "tagger/expand.h"

namespace fewfire {
namespace {

using CopiedRows = nb::typed<nb::tuple, Numpy<int64_t>, Numpy<int32_t>, Numpy<float>>;

CopiedRows csr_of(Copied rows) {
  return nb::make_tuple(to_numpy(std::move(rows.indptr)), to_numpy(std::move(rows.indices)),
                        to_numpy(std::move(rows.values)));
}

void bind_expansion(nb::module_& m) {
  nb::class_<Expansion>(m, "Expansion", "A power of each feature, and pairs of the largest; see expand.h.")
      .def(
          "__init__",
          [](Expansion* self, float power, int64_t largest, float pair_scale, Array1<const uint64_t> keys,
             Array1<const uint64_t> features) {
            new (self) Expansion(checked(Expansion{.power = power,
                                                   .largest = largest,
                                                   .pair_scale = pair_scale,
                                                   .pairs = KeyTable(checked_pairs(view(keys))),
                                                   .features = KeyTable(view(features))}));
          },
          "power"_a, "largest"_a, "pair_scale"_a, "keys"_a.noconvert(), "features"_a.noconvert());
  nb::class_<Expanded, Inputs>(m, "Expanded", "Rows that are expanded when they are asked for.")
      .def(nb::init<const Inputs&, const Expansion&>(), "source"_a, "expansion"_a, nb::keep_alive<1, 2>(),
           nb::keep_alive<1, 3>());
  m.def(
      "count_pairs",
      [](const Inputs& inputs, int64_t most, int64_t least, int n_threads) {
        return to_numpy(
            unlocked(n_threads, [&](Pool& pool) { return count_pairs(inputs, most, least, pool); }));
      },
      "inputs"_a, "most"_a, "least"_a, "n_threads"_a,
      "The keys of the pairs that are among the largest features of enough rows.");
}

}  // namespace

void bind_features(nb::module_& m) {
  bind_expansion(m);
  m.def(
      "copy_rows",
      [](const Inputs& inputs, int n_threads) {
        return csr_of(unlocked(n_threads, [&](Pool& pool) { return copy_rows(inputs, pool); }));
      },
      "inputs"_a, "n_threads"_a, "All rows as CSR: (indptr, indices, values).");
  m.def(
      "count_values",
      [](const Inputs& inputs, int n_threads) {
        return unlocked(n_threads, [&](Pool& pool) { return count_values(inputs, pool).back(); });
      },
      "inputs"_a, "n_threads"_a, "How many values all rows have.");
  m.def(
      "centroids",
      [](const Inputs& inputs, Array1<const int64_t> indptr, Array1<const RowId> examples, int n_threads) {
        return csr_of(unlocked(
            n_threads, [&](Pool& pool) { return centroids(inputs, {view(indptr), view(examples)}, pool); }));
      },
      "inputs"_a, "indptr"_a.noconvert(), "examples"_a.noconvert(), "n_threads"_a,
      "The mean direction of each list's examples as CSR: (indptr, indices, values).");
  m.def(
      "count_features",
      [](const Inputs& inputs, Array1<const int64_t> indptr, Array1<const RowId> examples, int n_threads) {
        return to_numpy(unlocked(n_threads, [&](Pool& pool) {
          return count_features(inputs, {view(indptr), view(examples)}, pool);
        }));
      },
      "inputs"_a, "indptr"_a.noconvert(), "examples"_a.noconvert(), "n_threads"_a,
      "How many features each list's examples have, summed up from 0 on: the indptr of `centroids`.");
}

}  // namespace fewfire
