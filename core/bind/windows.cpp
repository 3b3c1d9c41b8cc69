// Windows into hash families and indexes: what they drew, learned and keep, step by step. For tests, and for
// telling why a row was found.
#include <numeric>

#include "bind/convert.h"
#include "hash/centroid.h"
#include "hash/dwta.h"
#include "hash/sign.h"
#include "hash/simhash.h"
#include "hash/tables.h"
#include "hash/valid.h"

namespace fewfire {
namespace {

template <class Bound>
nb::class_<Bound> bound() {
  return nb::borrow<nb::class_<Bound>>(nb::type<Bound>());
}

Numpy<uint32_t> codes_of_rows(const Hash& hash, const ReadWeights& weights, Array1<const float> bias,
                              int n_threads) {
  check_rows(hash, view(weights), view(bias));
  const size_t n = static_cast<size_t>(view(weights).rows), n_tables = static_cast<size_t>(hash.n_tables());
  std::vector<uint32_t> codes(n * n_tables);
  std::vector<RowId> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  Pool pool(n_threads);
  hash.hash_rows(view(weights), view(bias), rows, {codes.data(), view(weights).rows, hash.n_tables()}, pool);
  return to_numpy(std::move(codes), {n, n_tables});
}

Numpy<uint32_t> codes_of_query(const Hash& hash, Array1<const RowId> ids, Array1<const float> values) {
  const std::vector<int64_t> indptr{0, static_cast<int64_t>(ids.size())};
  const SparseInputs query({indptr, view(ids)}, view(values), hash.n_columns());
  RowBuffer unused;
  const int64_t n_tables = hash.n_tables(), n_visited = hash.n_visited();
  std::vector<uint32_t> codes(static_cast<size_t>(n_tables * n_visited));
  Ledger ledger;
  hash.hash_query(query.row(0, unused), {codes.data(), n_tables, n_visited}, *hash.scratch(), ledger);
  return to_numpy(std::move(codes), {static_cast<size_t>(n_tables), static_cast<size_t>(n_visited)});
}

Numpy<float> matrix_of(const SimHash& hash) {
  const Projection& projection = hash.projection();
  std::vector<float> entries, outputs, spare;
  for (RowId i = 0; i < projection.n_inputs(); ++i) {
    const float one = 1.0f;
    projection.apply({{&i, 1}, {&one, 1}}, outputs, spare);
    entries.insert(entries.end(), outputs.begin(), outputs.end());
  }
  return to_numpy(std::move(entries),
                  {static_cast<size_t>(projection.n_inputs()), static_cast<size_t>(projection.n_outputs())});
}

void open_hash(nb::class_<Hash> hash) {
  hash.def(
          "set_center",
          [](Hash& self, Array1<const float> center) {
            check_center(self, view(center));
            self.set_center(view(center));
          },
          "center"_a.noconvert(), "The mean input; it counts from the next fit on.")
      .def(
          "fit",
          [](Hash& self, const ReadWeights& weights, Array1<const float> bias, int n_threads) {
            check_rows(self, view(weights), view(bias));
            return ledger_of(
                unlocked(n_threads, [&](Pool& pool) { return self.fit(view(weights), view(bias), pool); }));
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "n_threads"_a = 1,
          "Learn what concerns the rows as a whole; returns what it cost, (1, n_fields).")
      .def("hash_rows", &codes_of_rows, "weights"_a.noconvert(), "bias"_a.noconvert(), "n_threads"_a = 1,
           "The codes of all rows, (n_rows, n_tables).")
      .def("hash_query", &codes_of_query, "ids"_a.noconvert(), "values"_a.noconvert(),
           "The buckets that a query visits, (n_tables, n_visited), the likeliest first.");
}

void open_simhash(nb::class_<SimHash> hash) {
  hash.def_prop_ro("projections", &matrix_of, nb::rv_policy::automatic,
                   "(columns, and what the transform adds; n_tables * n_bits)")
      .def(
          "transform",
          [](const SimHash& self, Array1<const float> row, float bias) {
            check_center(self, view(row));
            std::vector<float> values;
            self.transform(view(row), bias, values);
            return to_numpy(std::move(values));
          },
          "row"_a.noconvert(), "bias"_a, "What of a row is projected.");
}

}  // namespace

void bind_windows(nb::module_&) {
  open_hash(bound<Hash>());
  open_simhash(bound<SimHash>());
  bound<Dwta>().def_prop_ro(
      "places", [](const Dwta& self) { return to_numpy(self.places()); }, nb::rv_policy::automatic,
      "8 bin + place of a column in each permutation, or -1: (n_columns, n_permutations)");
  bound<Centroids>().def_prop_ro(
      "centroids", [](const Centroids& self) { return to_numpy(self.centroids()); }, nb::rv_policy::automatic,
      "(cells in use, columns and the bias), as of the last fit.");
  bound<SignIndex>()
      .def_prop_ro(
          "reads",
          [](const SignIndex& self) { return std::vector<bool>(self.reads().begin(), self.reads().end()); },
          "Whether a query reads each column.")
      .def_prop_ro(
          "bits", [](const SignIndex& self) { return to_numpy(self.bits()); }, nb::rv_policy::automatic)
      .def_prop_ro(
          "alphas", [](const SignIndex& self) { return to_numpy(self.alphas()); }, nb::rv_policy::automatic,
          "Weight of the sign sums of each row.")
      .def_prop_ro(
          "betas", [](const SignIndex& self) { return to_numpy(self.betas()); }, nb::rv_policy::automatic,
          "Weight of each column in them.")
      .def_prop_ro(
          "offsets", [](const SignIndex& self) { return to_numpy(self.offsets()); }, nb::rv_policy::automatic,
          "What makes the score of the mean input exact, of each row.");
  bound<TableIndex>()
      .def_prop_ro(
          "sign_bits", [](const TableIndex& self) { return to_numpy(self.sign_bits()); },
          nb::rv_policy::automatic, "Of rank sign: bit j % 64 of word j / 64 of a row says w_j > 0.")
      .def(
          "hash_query",
          [](const TableIndex& self, Array1<const RowId> ids, Array1<const float> values) {
            return codes_of_query(self.hash(), ids, values);
          },
          "ids"_a.noconvert(), "values"_a.noconvert(),
          "The buckets that a query visits, (n_tables, n_visited), the likeliest first.")
      .def_prop_ro(
          "rows", [](const TableIndex& self) { return to_numpy(self.rows()); }, nb::rv_policy::automatic);
}

}  // namespace fewfire
