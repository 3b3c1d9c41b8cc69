// Everything Python sees of the core. A binding translates and nothing else.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "simd.h"

namespace nb = nanobind;
using namespace nb::literals;

NB_MODULE(_core, m) {
  m.doc() = "The C++ core of fewfire: selection, hashing, sparse training and their kernels.";
  fewfire::simd_level();  // an unknown FEWFIRE_SIMD is an import error
  m.def("simd_levels", &fewfire::simd_levels, "SIMD levels that this CPU can run, lowest first.");
  m.def("simd_level", &fewfire::simd_level, "The SIMD level in use.");
  m.def("set_simd_level", &fewfire::set_simd_level, "name"_a, "Use another SIMD level from now on.");
}
