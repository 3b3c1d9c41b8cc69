// Steps in parts, for loops that are not ours.
#include "network/stepper.h"

#include "bind/convert.h"

namespace fewfire {
namespace {

using Gradients = nb::typed<nb::tuple, Numpy<RowId>, Numpy<float>, Numpy<float>>;

Numpy<double> copied(std::span<const double> values) {
  return to_numpy(std::vector(values.begin(), values.end()));
}

Numpy<float> go_back(OpenStep& step, Array1<const float> scales) {
  unlocked([&] { step.backward(view(scales)); });
  return to_numpy(step.input_gradients());
}

Numpy<int64_t> let_learn(OpenStep& step, int64_t position, const Optimizer& optimizer,
                         const OptimizerState& state, float lr, int64_t number) {
  return ledger_of(
      unlocked([&] { return step.update(static_cast<size_t>(position), optimizer, state, lr, number); }));
}

Gradients gradients(OpenStep& step, int64_t position, int64_t width) {
  RowGradients found = unlocked([&] { return step.gradients(static_cast<size_t>(position)); });
  const size_t n = found.rows.size(), columns = n > 0 ? found.values.size() / n : static_cast<size_t>(width);
  return nb::make_tuple(to_numpy(std::move(found.rows)), to_numpy(std::move(found.values), {n, columns}),
                        to_numpy(std::move(found.bias)));
}

}  // namespace

void bind_stepper(nb::module_& m) {
  nb::class_<OpenStep>(m, "OpenStep", "A micro-batch that has gone forward; see core/network/stepper.h.")
      .def_prop_ro(
          "losses", [](const OpenStep& step) { return copied(step.losses()); }, nb::rv_policy::move)
      .def_prop_ro(
          "partitions", [](const OpenStep& step) { return copied(step.partitions()); }, nb::rv_policy::move)
      .def("backward", &go_back, "scales"_a.noconvert(),
           "Once: all gradients of the sum of losses times these scales; return those of the inputs, (n, "
           "columns), of no rows where the model takes no matrix.")
      .def("update", &let_learn, "position"_a, "optimizer"_a, "state"_a, "lr"_a, "number"_a,
           "After backward: let the rows of a layer learn; return the ledger.")
      .def(
          "gradients", &gradients, "position"_a, "width"_a,
          "After backward: (rows, ascending, their gradients (n, width), gradients of their biases, of a bag "
          "of all).");
  nb::class_<Stepper>(m, "Stepper")
      .def(nb::init<const Model&, int>(), "model"_a, "n_threads"_a, nb::keep_alive<1, 2>())
      .def(
          "forward",
          [](Stepper& self, const Inputs& inputs, const Targets& targets, Array1<const int64_t> ids,
             uint64_t draw) {
            return unlocked([&] { return self.forward(inputs, targets, view(ids), draw).release(); });
          },
          "inputs"_a, "targets"_a, "ids"_a.noconvert(), "draw"_a, nb::keep_alive<0, 1>(),
          nb::keep_alive<0, 2>(), nb::keep_alive<0, 3>())
      .def(
          "learn",
          [](Stepper& self, int64_t position, const Optimizer& optimizer, const OptimizerState& state,
             float lr, int64_t number, Array1<const RowId> rows, Array2<const float> values,
             Array1<const float> bias) {
            return ledger_of(unlocked([&] {
              return self.learn(static_cast<size_t>(position), optimizer, state, lr, number, view(rows),
                                view(values), view(bias));
            }));
          },
          "position"_a, "optimizer"_a, "state"_a, "lr"_a, "number"_a, "rows"_a.noconvert(),
          "values"_a.noconvert(), "bias"_a.noconvert(),
          "Let rows, distinct, of a layer learn from their gradients; return the ledger.");
}

}  // namespace fewfire
