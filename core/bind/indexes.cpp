// Indexes: what proposes rows to a gate. What a call costs comes back as (1, n_fields).
#include "bind/convert.h"
#include "hash/sign.h"
#include "hash/tables.h"

namespace fewfire {
namespace {

using Tables = nb::class_<TableIndex, Index>;
using Rows = Array1<const RowId>;
using DriftResult = nb::typed<nb::tuple, double, Numpy<int64_t>>;

Rank rank_of(const std::string& name) {
  return one_of<Rank>(
      name,
      {{"count", Rank::count}, {"union", Rank::union_}, {"hamming", Rank::hamming}, {"sign", Rank::sign}});
}

// What work(pool) cost.
template <class Work>
Numpy<int64_t> cost_of(int n_threads, Work&& work) {
  return ledger_of(unlocked(n_threads, work));
}

void bind_sign_index(nb::module_& m) {
  nb::class_<SignIndex, Index>(m, "SignIndex", "Sign bits of the live weights; see core/hash/sign.h.")
      .def(
          "__init__",
          [](SignIndex* self, int64_t n_rows, int64_t n_columns, float alpha, uint64_t seed,
             std::optional<int64_t> n_read, bool binary) {
            new (self) SignIndex(n_rows, n_columns, alpha, seed, n_read.value_or(n_columns), binary);
          },
          "n_rows"_a, "n_columns"_a, "alpha"_a, "seed"_a, "n_read"_a = nb::none(), "binary"_a = false);
}

Tables bind_tables(nb::module_& m) {
  return Tables(m, "TableIndex", "Hash tables over the rows; see core/hash/tables.h.")
      .def(
          "__init__",
          [](TableIndex* self, std::shared_ptr<Hash> hash, int64_t n_rows, const std::string& rank,
             uint64_t seed, float alpha, int64_t n_ranked) {
            const TableOptions options{
                .rank = rank_of(rank), .alpha = alpha, .n_ranked = n_ranked, .seed = seed};
            new (self) TableIndex(std::move(hash), n_rows, options);
          },
          "hash"_a, "n_rows"_a, "rank"_a, "seed"_a, "alpha"_a = 0.1f, "n_ranked"_a = 0)
      .def(
          "set_draws", [](TableIndex& self, Array1<const uint32_t> draws) { self.set_draws(view(draws)); },
          "draws"_a.noconvert(),
          "How often each table's hash functions have been drawn anew; a refresh must follow.")
      .def_prop_ro(
          "learned", [](const TableIndex& self) { return to_numpy(self.hash().learned()); },
          nb::rv_policy::automatic, "What only the rows of the last refresh could tell again: centroids.")
      .def_prop_ro(
          "codes", [](const TableIndex& self) { return to_numpy(self.codes()); }, nb::rv_policy::automatic)
      .def_prop_ro(
          "offsets", [](const TableIndex& self) { return to_numpy(self.offsets()); },
          nb::rv_policy::automatic);
}

void bind_upkeep(Tables& tables) {
  tables
      .def(
          "restore",
          [](TableIndex& self, const ReadWeights& weights, Array2<const float> learned,
             Array2<const uint32_t> codes, int n_threads) {
            return cost_of(n_threads, [&](Pool& pool) {
              return self.restore(view(weights), view(learned), view(codes), pool);
            });
          },
          "weights"_a.noconvert(), "learned"_a.noconvert(), "codes"_a.noconvert(), "n_threads"_a = 1,
          "Take over what an index of the same make had learned, and its codes; returns what it cost.")
      .def(
          "refresh_rows",
          [](TableIndex& self, const ReadWeights& weights, Array1<const float> bias, Rows rows,
             int n_threads) {
            return cost_of(n_threads, [&](Pool& pool) {
              return self.refresh_rows(view(weights), view(bias), view(rows), pool);
            });
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "rows"_a.noconvert(), "n_threads"_a = 1,
          "Compute the codes of some rows afresh; returns what it cost, (1, n_fields).")
      .def(
          "drift",
          [](const TableIndex& self, const ReadWeights& weights, Array1<const float> bias, Rows rows,
             int n_threads) -> DriftResult {
            Ledger cost;
            const double drift = unlocked(n_threads, [&](Pool& pool) {
              return self.drift(view(weights), view(bias), view(rows), pool, cost);
            });
            return nb::make_tuple(drift, ledger_of(cost));
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "rows"_a.noconvert(), "n_threads"_a = 1,
          "The share of bits (or codes) in which the codes of some rows are stale: (share, cost).");
}

using Learned = nb::typed<nb::tuple, Numpy<float>, Numpy<uint32_t>>;

void bind_refit(Tables& tables) {
  tables
      .def(
          "begin_refit",
          [](TableIndex& self, const ReadWeights& weights, Array1<const float> bias, int n_threads) {
            return cost_of(n_threads,
                           [&](Pool& pool) { return self.begin_refit(view(weights), view(bias), pool); });
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "n_threads"_a = 1,
          "Begin a refresh in pieces: learn anew what concerns all rows; returns what it cost.")
      .def(
          "refit_rows",
          [](TableIndex& self, const ReadWeights& weights, Array1<const float> bias, Rows rows,
             int n_threads) {
            return cost_of(n_threads, [&](Pool& pool) {
              return self.refit_rows(view(weights), view(bias), view(rows), pool);
            });
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "rows"_a.noconvert(), "n_threads"_a = 1,
          "Compute the new codes of some rows; returns what it cost.")
      .def_prop_ro(
          "refit",
          [](const TableIndex& self) -> Learned {
            return nb::make_tuple(to_numpy(self.next_learned()), to_numpy(self.next_codes()));
          },
          "Of a refit that has begun: (what it has learned, the new codes).")
      .def(
          "restore_refit",
          [](TableIndex& self, Array2<const float> learned, Array2<const uint32_t> codes, int n_threads) {
            unlocked(n_threads, [&](Pool& pool) { self.restore_refit(view(learned), view(codes), pool); });
          },
          "learned"_a.noconvert(), "codes"_a.noconvert(), "n_threads"_a = 1,
          "Go on with a refit that left these.")
      .def(
          "end_refit",
          [](TableIndex& self, const ReadWeights& weights, int n_threads) {
            return cost_of(n_threads, [&](Pool& pool) { return self.end_refit(view(weights), pool); });
          },
          "weights"_a.noconvert(), "n_threads"_a = 1,
          "Let the new codes, by now those of all rows, take over; returns what it cost.");
}

}  // namespace

void bind_indexes(nb::module_& m) {
  nb::class_<Index>(m, "Index")
      .def_prop_ro("n_bytes", &Index::bytes, "Memory of the index.")
      .def(
          "set_center", [](Index& self, Array1<const float> center) { self.set_center(view(center)); },
          "center"_a.noconvert(), "The mean input; it counts from the next refresh on.")
      .def(
          "refresh",
          [](Index& self, const ReadWeights& weights, Array1<const float> bias, int n_threads) {
            return cost_of(n_threads,
                           [&](Pool& pool) { return self.refresh(view(weights), view(bias), pool); });
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "n_threads"_a = 1,
          "Compute the codes of all rows afresh; returns what it cost, (1, n_fields).");
  bind_sign_index(m);
  Tables tables = bind_tables(m);
  bind_upkeep(tables);
  bind_refit(tables);
}

}  // namespace fewfire
