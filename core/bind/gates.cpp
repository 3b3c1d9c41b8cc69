// Gates: what chooses the rows of a layer that are computed.
#include "bind/convert.h"
#include "network/gate.h"

namespace fewfire {
namespace {

void bind_hashed(nb::module_& m) {
  nb::class_<Hashed, Gate>(m, "Hashed")
      .def(
          "__init__",
          [](Hashed* self, std::shared_ptr<Index> index, int64_t active, int64_t candidates, bool soft,
             bool differentiate, uint64_t seed, int64_t explored, int64_t weights) {
            const Keep keep{.active = active,
                            .soft = soft,
                            .differentiate = differentiate,
                            .explored = explored,
                            .seed = seed};
            new (self) Hashed(std::move(index), candidates, weights, keep);
          },
          "index"_a, "active"_a, "candidates"_a, "soft"_a, "differentiate"_a, "seed"_a, "explored"_a = 0,
          "weights"_a = 0)
      .def(
          "set_rare",
          [](Hashed& self, Array1<const RowId> rows, int64_t n_rows) { self.set_rare(view(rows), n_rows); },
          "rows"_a.noconvert(), "n_rows"_a, "The rows, of n_rows, that training explores.");
}

void bind_retrieve(nb::module_& m) {
  nb::class_<Retrieve, Gate>(m, "Retrieve")
      .def(nb::init<std::shared_ptr<Index>, int64_t, int64_t, uint64_t, float>(), "index"_a, "active"_a,
           "n_negatives"_a, "seed"_a, "thin"_a = 0.0f)
      .def(
          "set_head",
          [](Retrieve& self, Array1<const RowId> rows, int64_t n_rows) { self.set_head(view(rows), n_rows); },
          "rows"_a.noconvert(), "n_rows"_a, "The rows, of n_rows, that are candidates of every example.")
      .def(
          "set_draws",
          [](Retrieve& self, Array1<const double> shares, int64_t n_rows) {
            self.set_draws(view(shares), n_rows);
          },
          "shares"_a.noconvert(), "n_rows"_a,
          "The shares by which the n_rows rows are drawn as negatives; none: uniformly.");
}

}  // namespace

void bind_gates(nb::module_& m) {
  nb::class_<Gate>(m, "Gate");
  nb::class_<Dropout, Gate>(m, "Dropout").def(nb::init<int64_t, uint64_t>(), "active"_a, "seed"_a);
  nb::class_<AdaptiveDropout, Gate>(m, "AdaptiveDropout")
      .def(nb::init<float, float, uint64_t>(), "alpha"_a, "beta"_a, "seed"_a);
  nb::class_<TopK, Gate>(m, "TopK").def(
      "__init__",
      [](TopK* self, int64_t active, bool soft, bool differentiate, uint64_t seed) {
        new (self) TopK(Keep{.active = active, .soft = soft, .differentiate = differentiate, .seed = seed});
      },
      "active"_a, "soft"_a, "differentiate"_a, "seed"_a);
  bind_hashed(m);
  bind_retrieve(m);
}

}  // namespace fewfire
