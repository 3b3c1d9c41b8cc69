// Layers, models and their training.
#include "bind/convert.h"
#include "network/train.h"
#include "network/valid.h"

namespace fewfire {
namespace {

Activation activation_of(const std::string& name) {
  return one_of<Activation>(name, {{"relu", Activation::relu},
                                   {"tanh", Activation::tanh},
                                   {"sigmoid", Activation::sigmoid},
                                   {"linear", Activation::linear}});
}

Loss loss_of(const std::string& name) {
  return one_of<Loss>(name, {{"softmax", Loss::softmax},
                             {"decoupled", Loss::decoupled},
                             {"logistic", Loss::logistic},
                             {"squared", Loss::squared}});
}

Rule rule_of(const std::string& name, float momentum) {
  const Rule rule = one_of<Rule>(
      name, {{"sgd", Rule::sgd}, {"adagrad", Rule::adagrad}, {"rms", Rule::rms}, {"adam", Rule::adam}});
  return rule == Rule::sgd && momentum > 0.0f ? Rule::momentum : rule;
}

using Moments = std::vector<std::pair<Array2<float>, Array1<float>>>;

// Of a layer whose updates are centred: the mean input, the scale of each column or none, their product, and
// what each row owes, for how many updates.
using Owing = std::tuple<Array1<float>, Array1<float>, Array1<float>, Array1<float>, Array1<int32_t>>;

OptimizerState state_of(const Moments& moments, const Array1<int64_t>& touched,
                        const std::optional<Owing>& owing) {
  OptimizerState state;
  state.touched = view(touched);
  if (owing) {
    const auto& [mean, scale, stride, owed, n_owed] = *owing;
    state.centre = {.mean = view(mean),
                    .scale = view(scale),
                    .stride = view(stride),
                    .owed = view(owed),
                    .n_owed = view(n_owed)};
  }
  if (moments.size() > 0) state.first = view(moments[0].first), state.first_bias = view(moments[0].second);
  if (moments.size() > 1) state.second = view(moments[1].first), state.second_bias = view(moments[1].second);
  return state;
}

// One way through a turnstile, for a `with` block: no signal comes between the lock and the block.
struct Passage {
  std::shared_ptr<Turnstile> turnstile;
  bool is_alone;

  void enter() const { is_alone ? turnstile->lock() : turnstile->lock_shared(); }
  void leave() const { is_alone ? turnstile->unlock() : turnstile->unlock_shared(); }
};

void bind_turnstile(nb::module_& m) {
  nb::class_<Passage>(m, "Passage")
      .def("__enter__", &Passage::enter, nb::call_guard<nb::gil_scoped_release>())
      .def(
          "__exit__", [](const Passage& self, nb::object, nb::object, nb::object) { self.leave(); },
          "kind"_a.none(), "error"_a.none(), "traceback"_a.none());
  nb::class_<Turnstile>(m, "Turnstile", "Many readers or one who changes a net; see core/base/turnstile.h.")
      .def(nb::init<>())
      .def("reading", [](std::shared_ptr<Turnstile> self) { return Passage{std::move(self), false}; })
      .def("changing", [](std::shared_ptr<Turnstile> self) { return Passage{std::move(self), true}; })
      .def("renew", &Turnstile::renew, "In the child of a fork: whoever else held it is not there.");
}

void bind_layers(nb::module_& m) {
  nb::class_<Layer>(m, "Linear")
      .def(
          "__init__",
          [](Layer* self, const WeightsArray<float, uint16_t>& weights, Array1<float> bias,
             const std::string& activation, std::shared_ptr<Gate> gate, bool trains_bias, uint64_t seed) {
            new (self) Layer(checked(Layer{.weights = view(weights),
                                           .bias = view(bias),
                                           .activation = activation_of(activation),
                                           .gate = std::move(gate),
                                           .trains_bias = trains_bias,
                                           .seed = seed}));
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "activation"_a, "gate"_a.none() = nb::none(),
          "trains_bias"_a = true, "seed"_a = 0, nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>());
  m.def(
      "EmbeddingBag",
      [](const WeightsArray<float, uint16_t>& weights, Array1<float> bias, const std::string& activation,
         bool trains_bias, float input_dropout, float dropout, uint64_t seed) {
        return checked(Layer{.weights = view(weights),
                             .bias = view(bias),
                             .activation = activation_of(activation),
                             .gate = nullptr,
                             .trains_bias = trains_bias,
                             .is_bag = true,
                             .input_dropout = input_dropout,
                             .dropout = dropout,
                             .seed = seed});
      },
      "weights"_a.noconvert(), "bias"_a.noconvert(), "activation"_a, "trains_bias"_a = true,
      "input_dropout"_a = 0.0f, "dropout"_a = 0.0f, "seed"_a = 0, nb::keep_alive<0, 1>(),
      nb::keep_alive<0, 2>(), "A first layer with a row of weights per input; see core/network/bag.h.");
  nb::class_<Model>(m, "Model")
      .def(
          "__init__",
          [](Model* self, const std::vector<Layer>& layers, const std::string& loss,
             std::shared_ptr<Turnstile> turnstile, bool takes_matrix) {
            new (self) Model(layers, loss_of(loss), std::move(turnstile), takes_matrix);
          },
          "layers"_a, "loss"_a, "turnstile"_a = nb::none(), "takes_matrix"_a = false, nb::keep_alive<1, 2>(),
          "takes_matrix: inputs are read as a full matrix, and get gradients.");
}

void bind_optimizer(nb::module_& m) {
  nb::class_<Optimizer>(m, "Optimizer")
      .def(
          "__init__",
          [](Optimizer* self, const std::string& kind, float momentum, float beta1, float beta2, float rho,
             float eps, float l2, int64_t l2_period, bool rowwise) {
            new (self) Optimizer(
                checked({rule_of(kind, momentum), momentum, beta1, beta2, rho, eps, l2, l2_period, rowwise}));
          },
          "kind"_a, "momentum"_a = 0.0f, "beta1"_a = 0.9f, "beta2"_a = 0.999f, "rho"_a = 0.999f,
          "eps"_a = 1e-8f, "l2"_a = 0.0f, "l2_period"_a = 1, "rowwise"_a = false)
      .def("moment_widths", &Optimizer::moment_widths, "n_columns"_a,
           "Columns of each moment of a layer's weights.");
  nb::class_<OptimizerState>(m, "OptimizerState")
      .def(
          "__init__",
          [](OptimizerState* self, const Moments& moments, Array1<int64_t> touched,
             const std::optional<Owing>& owing, float pace) {
            new (self) OptimizerState(state_of(moments, touched, owing));
            self->pace = pace;
          },
          "moments"_a.noconvert(), "touched"_a.noconvert(), "owing"_a.noconvert().none() = nb::none(),
          "pace"_a = 1.0f, nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>(), nb::keep_alive<1, 4>());
}

using Trained = nb::typed<nb::tuple, double, int64_t, Numpy<int64_t>, std::vector<Numpy<int64_t>>>;

Trained train_slice(const Model& model, const Inputs& inputs, const Targets& targets,
                    Array1<const int64_t> order, Array1<const float> rates, int64_t batch_size,
                    const Optimizer& optimizer, const std::vector<OptimizerState>& states, int64_t first_step,
                    uint64_t epoch, int n_threads, bool deterministic, bool counts_rows, double loss_before,
                    float loss_scale) {
  Totals totals = unlocked([&] {
    return train(
        model, inputs, targets, view(order), view(rates), optimizer, states,
        {batch_size, first_step, epoch, n_threads, deterministic, counts_rows, loss_before, loss_scale});
  });
  return nb::make_tuple(totals.loss, totals.n_correct, ledger_of(totals.ledgers),
                        to_numpy(std::move(totals.usage)));
}

}  // namespace

void bind_network(nb::module_& m) {
  bind_turnstile(m);
  bind_layers(m);
  bind_optimizer(m);
  m.def(
      "settle",
      [](const Model& model, const Optimizer& optimizer, const std::vector<OptimizerState>& states,
         int64_t step, int n_threads) {
        return ledger_of(unlocked([&] { return settle(model, optimizer, states, step, n_threads); }));
      },
      "model"_a, "optimizer"_a, "states"_a, "step"_a, "n_threads"_a,
      "Let all rows pay what they owe along the mean inputs after so many steps; return the ledger.");
  m.def("train", &train_slice, "model"_a, "inputs"_a, "targets"_a, "order"_a.noconvert(),
        "rates"_a.noconvert(), "batch_size"_a, "optimizer"_a, "states"_a, "first_step"_a, "epoch"_a,
        "n_threads"_a, "deterministic"_a, "counts_rows"_a = true, "loss_before"_a = 0.0,
        "loss_scale"_a = 1.0f,
        "Train on one slice of an epoch: (loss sum with those before, hits, ledger (n_layers, n_fields), for "
        "each layer how often each row was chosen, but of a last layer that retrieves without counts_rows "
        "their sum).");
}

}  // namespace fewfire
