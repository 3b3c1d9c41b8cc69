// Examples and targets.
#include "base/inputs.h"
#include "bind/convert.h"

namespace fewfire {

void bind_data(nb::module_& m) {
  nb::class_<Inputs>(m, "Inputs").def_prop_ro("shape", [](const Inputs& inputs) {
    return std::pair(inputs.n_rows(), inputs.n_columns());
  });
  nb::class_<DenseInputs, Inputs>(m, "DenseInputs", "Rows of a dense array; zeros are skipped on the way.")
      .def(
          "__init__", [](DenseInputs* self, Array2<const float> X) { new (self) DenseInputs(view(X)); },
          "X"_a.noconvert(), nb::keep_alive<1, 2>());
  nb::class_<SparseInputs, Inputs>(m, "SparseInputs", "Rows of a CSR whose ids ascend inside a row.")
      .def(
          "__init__",
          [](SparseInputs* self, Array1<const int64_t> indptr, Array1<const RowId> indices,
             Array1<const float> values, int64_t n_columns) {
            new (self) SparseInputs({view(indptr), view(indices)}, view(values), n_columns);
          },
          "indptr"_a.noconvert(), "indices"_a.noconvert(), "values"_a.noconvert(), "n_columns"_a,
          nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>(), nb::keep_alive<1, 4>());

  m.def(
      "is_canonical",
      [](Array1<const int64_t> indptr, Array1<const RowId> indices, Array1<const float> values,
         int64_t n_columns) { return is_canonical({view(indptr), view(indices)}, view(values), n_columns); },
      "indptr"_a.noconvert(), "indices"_a.noconvert(), "values"_a.noconvert(), "n_columns"_a,
      nb::call_guard<nb::gil_scoped_release>(),
      "Whether ids ascend inside each row of a CSR, and all values are finite and none is 0.");

  nb::class_<Targets>(m, "Targets")
      .def(
          "weigh", [](Targets& self, Array1<const float> weights) { self.weights = view(weights); },
          "weights"_a.noconvert(), nb::keep_alive<1, 2>(), "What the loss of each example counts for.");
  m.def(
      "LabelTargets",
      [](Array1<const int64_t> indptr, Array1<const RowId> indices) {
        return Targets(Lists{view(indptr), view(indices)});
      },
      "indptr"_a.noconvert(), "indices"_a.noconvert(), nb::keep_alive<0, 1>(), nb::keep_alive<0, 2>(),
      "One or many label ids per example, ascending.");
  m.def(
      "ValueTargets", [](Array2<const float> Y) { return Targets(view(Y)); }, "Y"_a.noconvert(),
      nb::keep_alive<0, 1>(), "A value for every row of the last layer.");
}

}  // namespace fewfire
