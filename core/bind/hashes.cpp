// The hash families.
#include "bind/convert.h"
#include "hash/centroid.h"
#include "hash/dwta.h"
#include "hash/minhash.h"
#include "hash/simhash.h"

namespace fewfire {
namespace {

ProjectionKind projection_of(const std::string& name) {
  return one_of<ProjectionKind>(name, {{"gaussian", ProjectionKind::gaussian},
                                       {"sparse", ProjectionKind::sparse},
                                       {"hadamard", ProjectionKind::hadamard},
                                       {"coordinates", ProjectionKind::coordinates}});
}

Mips mips_of(const std::string& name) {
  return one_of<Mips>(name, {{"none", Mips::none}, {"sign-alsh", Mips::sign_alsh}, {"simple", Mips::simple}});
}

void bind_simhash(nb::module_& m) {
  nb::class_<SimHash, Hash>(m, "SimHash", "Signed random projections; see core/hash/simhash.h.")
      .def(
          "__init__",
          [](SimHash* self, int64_t n_columns, int n_bits, int n_tables, uint64_t seed, int n_visited,
             const std::string& projection, const std::string& mips, int norm_powers, float largest_norm,
             bool center) {
            new (self) SimHash(n_columns,
                               {.n_bits = n_bits,
                                .n_tables = n_tables,
                                .n_visited = n_visited,
                                .projection = projection_of(projection),
                                .mips = mips_of(mips),
                                .norm_powers = norm_powers,
                                .largest_norm = largest_norm,
                                .center = center},
                               seed);
          },
          "n_columns"_a, "n_bits"_a, "n_tables"_a, "seed"_a, "n_visited"_a = 1, "projection"_a = "gaussian",
          "mips"_a = "none", "norm_powers"_a = 2, "largest_norm"_a = 0.75f, "center"_a = false);
}

void bind_centroids(nb::module_& m) {
  nb::class_<Centroids, Hash>(m, "Centroids", "Cells of a k-means of the rows; see core/hash/centroid.h.")
      .def(
          "__init__",
          [](Centroids* self, int64_t n_columns, int64_t n_cells, uint64_t seed, int64_t n_visited,
             bool spherical, int64_t sample_per_cell, int n_iterations) {
            new (self) Centroids(n_columns,
                                 {.n_cells = n_cells,
                                  .n_visited = n_visited,
                                  .spherical = spherical,
                                  .sample_per_cell = sample_per_cell,
                                  .n_iterations = n_iterations},
                                 seed);
          },
          "n_columns"_a, "n_cells"_a, "seed"_a, "n_visited"_a = 1, "spherical"_a = true,
          "sample_per_cell"_a = CentroidOptions{}.sample_per_cell,
          "n_iterations"_a = CentroidOptions{}.n_iterations);
}

}  // namespace

void bind_hashes(nb::module_& m) {
  nb::class_<Hash>(m, "Hash", "A hash family; see core/hash/hash.h.");
  bind_simhash(m);
  nb::class_<Dwta, Hash>(m, "Dwta", "Densified winner take all; see core/hash/dwta.h.")
      .def(nb::init<int64_t, int, int, uint64_t>(), "n_columns"_a, "n_hashes"_a, "n_tables"_a, "seed"_a);
  nb::class_<MinHash, Hash>(m, "MinHash", "Minwise hashing; see core/hash/minhash.h.")
      .def(nb::init<int64_t, int, int, int, uint64_t>(), "n_columns"_a, "n_hashes"_a, "n_tables"_a,
           "n_bits"_a, "seed"_a);
  bind_centroids(m);
}

}  // namespace fewfire
