// Everything Python sees of the core, a file for each topic; see convert.h.
#include "base/heap.h"
#include "base/version.h"
#include "bind/convert.h"
#include "kernels/dispatch.h"

using namespace fewfire;

NB_MODULE(_core, m) {
  m.doc() = "The C++ core of fewfire: selection, hashing, sparse training and their kernels.";
  simd_level();  // an unknown FEWFIRE_SIMD is an import error
  m.def("simd_levels", &simd_levels, "SIMD levels that this CPU can run, lowest first.");
  m.def("simd_level", &simd_level, "The SIMD level in use.");
  m.def("set_simd_level", &set_simd_level, "name"_a, "Use another SIMD level from now on.");
  m.def("trim_heap", &trim_heap, "Give memory that nobody uses back to the system.");
  nb::list fields;
  for (const char* field : Ledger::kFields) fields.append(field);
  m.attr("LEDGER_FIELDS") = nb::tuple(fields);
  m.attr("COMMIT") = commit();
  bind_data(m);
  bind_hashes(m);
  bind_indexes(m);
  bind_gates(m);
  bind_network(m);
  m.def(
      "set_leak_warnings", [](bool shown) { nb::set_leak_warnings(shown); }, "shown"_a,
      "Whether the end of the process tells of objects of ours that others still held.");
  bind_stepper(m);
  bind_answers(m);
  bind_text(m);
  bind_trees(m);
  bind_packed(m);
  bind_features(m);
  bind_kernels(m);
  bind_windows(m);
}
