#include "network/optimizer.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "kernels/dispatch.h"

namespace fewfire {
namespace {

// What a lot rounds; a bag's dropout draws under 1 and 2.
constexpr uint64_t kDecay = 3, kStep = 4, kMean = 5;

// What rounds a row of weights that are not floats.
uint32_t rounding_key(const OptimizerStep& step, uint64_t about, RowId row) {
  if (step.layer.weights.halves == nullptr) return 0;
  return static_cast<uint32_t>(
      random_bits(step.layer.seed + about, static_cast<uint64_t>(step.number), static_cast<uint64_t>(row)));
}

template <class Stored>
void scale(std::span<Stored> values, float factor, uint32_t key, Ledger& ledger) {
  for (size_t j = 0; j < values.size(); ++j) {
    const Stored scaled = rounded<Stored>(widen(values[j]) * factor, key, static_cast<int64_t>(j));
    values[j] = widen(scaled) != 0.0f ? scaled : values[j];  // none underflows to 0, so that no sign is lost
  }
  ledger.optimizer += static_cast<int64_t>(values.size());
}

// The product of a row's weights with the mean input.
float along_mean(const OptimizerStep& step, RowId row) {
  const std::span<const float> mean = step.state.centre.mean;
  const LiveWeights weights = step.layer.weights.row(row);
  double sum = 0.0;
  for (size_t j = 0; j < mean.size(); ++j)
    sum += mean[j] * (weights.halves != nullptr ? widen(weights.halves[j]) : weights.floats[j]);
  return static_cast<float>(sum);
}

// The instalments of the decay of weights that fell due since the row was last touched. Returns by how much
// its product with the mean input changed.
float shrink(const OptimizerStep& step, RowId row, Ledger& ledger) {
  const float l2 = step.optimizer.l2;
  if (l2 <= 0.0f) return 0.0f;
  const int64_t period = step.optimizer.l2_period;
  const int64_t due = step.number / period - step.state.touched[row] / period;
  if (due <= 0) return 0.0f;
  // In double, because 1 - lr l2 loses a small decay in float.
  const double decay = std::min(1.0, double{step.lr} * l2);
  const double keep = std::exp(static_cast<double>(due * period) * std::log1p(-decay));
  // Bounded below, so that an extreme rate does not erase the row.
  const float factor = std::max(1e-20f, static_cast<float>(keep));
  const LiveWeights weights = step.layer.weights.row(row);
  const size_t n = static_cast<size_t>(weights.cols);
  float moved = 0.0f;
  if (const Centre& centre = step.state.centre; centre.is_on()) {
    moved = (factor - 1.0f) * along_mean(step, row);
    step.layer.bias[row] -= moved;
    ledger.optimizer += weights.cols;
  }
  if (weights.halves != nullptr)
    scale(std::span(weights.halves, n), factor, rounding_key(step, kDecay, row), ledger);
  else
    scale(std::span(weights.floats, n), factor, 0, ledger);
  return moved;
}

// The decay of the moments that the row, and its bias, owes for the steps since it was last touched.
void settle(const OptimizerStep& step, RowId row, bool with_bias, Ledger& ledger) {
  const OptimizerState& state = step.state;
  const int64_t owed = step.number - state.touched[row] - 1;
  if (owed <= 0 || state.touched[row] == 0) return;
  const auto decay = [&](Matrix<float> moments, std::span<float> bias, float rate) {
    const float factor = std::pow(rate, static_cast<float>(owed));
    scale(moments.row(row), factor, 0, ledger);
    if (with_bias) scale(bias.subspan(static_cast<size_t>(row), 1), factor, 0, ledger);
  };
  if (step.optimizer.rule == Rule::momentum) decay(state.first, state.first_bias, step.optimizer.momentum);
  if (step.optimizer.rule == Rule::adam) {
    decay(state.first, state.first_bias, step.optimizer.beta1);
    decay(state.second, state.second_bias, step.optimizer.beta2);
  }
}

// Multiplications, divisions and roots for each parameter changed, the gradient itself not counted.
int64_t cost_per_parameter(Rule rule) {
  switch (rule) {
    case Rule::sgd:
      return 1;
    case Rule::momentum:
      return 2;
    case Rule::adagrad:
      return 4;
    case Rule::rms:
      return 6;
    case Rule::adam:
      return 10;
  }
  return 0;
}

// What the kernel does to the weights of a row.
struct Move {
  Rule rule;
  Rates rates;
  float scale;  // of the gradient
};

// One second moment takes its step; what is left for the weights is a step of a simpler rule.
Move rowwise_move(Rule rule, Rates rates, const RowGradient& gradient, const Centre& centre, float& moment,
                  Ledger& ledger) {
  const int64_t n = static_cast<int64_t>(gradient.values.size());
  float squares = gradient.squares.value_or(0.0f);
  if (!gradient.squares) {
    squares = kernels().sum_of_squares(gradient.values.data(), n) * gradient.scale * gradient.scale;
    ledger.optimizer += n;
  }
  float mean = squares / static_cast<float>(n);
  ledger.optimizer += 3;
  if (centre.is_on()) {  // of all columns: |(g - s m) / d|^2
    const float s = *gradient.bias;
    mean = std::max(0.0f, squares - 2.0f * s * gradient.along + s * s * centre.squares) /
           static_cast<float>(centre.mean.size());
    ledger.optimizer += 4;
  }
  if (rule == Rule::adam) {
    moment = rates.beta2 * moment + (1.0f - rates.beta2) * mean;
    rates.lr *= rates.correction1 / (std::sqrt(moment * rates.correction2) + rates.eps);
    rates.momentum = rates.beta1;
    ledger.optimizer += 7;
    return {Rule::momentum, rates, gradient.scale * (1.0f - rates.beta1)};
  }
  if (rule == Rule::rms && moment == 0.0f) moment = mean;  // the first step is no longer than others
  moment = rule == Rule::rms ? rates.rho * moment + (1.0f - rates.rho) * mean : moment + mean;
  rates.lr /= std::sqrt(moment) + rates.eps;
  ledger.optimizer += rule == Rule::rms ? 4 : 2;
  return {Rule::sgd, rates, gradient.scale};
}

// The biases of neurons from `first` on.
void update_biases_from(const OptimizerStep& step, RowId first, std::span<const float> gradients,
                        Ledger& ledger) {
  if (!step.layer.trains_bias) return;
  const auto moment = [&](std::span<float> values) { return values.empty() ? nullptr : &values[first]; };
  const int64_t n = static_cast<int64_t>(gradients.size());
  kernels().update(step.optimizer.rule, step.rates, {&step.layer.bias[first], 1, n}, 0,
                   moment(step.state.first_bias), moment(step.state.second_bias), nullptr, gradients.data(),
                   1.0f, n, nullptr);
  ledger.optimizer += n * cost_per_parameter(step.optimizer.rule);
  ledger.parameters_touched += n;
}

}  // namespace

std::vector<int64_t> Optimizer::moment_widths(int64_t n_columns) const {
  const int64_t second = rowwise ? 1 : n_columns;
  switch (rule) {
    case Rule::sgd:
      return {};
    case Rule::momentum:
      return {n_columns};
    case Rule::adagrad:
    case Rule::rms:
      return {second};
    case Rule::adam:
      return {n_columns, second};
  }
  return {};
}

Rates Optimizer::rates(float lr, int64_t step) const {
  const float t = static_cast<float>(step);
  return {.lr = lr,
          .momentum = momentum,
          .beta1 = beta1,
          .beta2 = beta2,
          .rho = rho,
          .eps = eps,
          .correction1 = 1.0f / (1.0f - std::pow(beta1, t)),
          .correction2 = 1.0f / (1.0f - std::pow(beta2, t))};
}

float update_row(const OptimizerStep& step, RowId row, const RowGradient& gradient,
                 std::vector<RowId>* flipped, Ledger& ledger) {
  const Optimizer& optimizer = step.optimizer;
  const OptimizerState& state = step.state;
  float moved = shrink(step, row, ledger);
  settle(step, row, gradient.bias.has_value(), ledger);
  const auto moments = [&](Matrix<float> matrix) {
    return matrix.data != nullptr ? matrix.row(row).data() : nullptr;
  };
  const RowId* ids = gradient.ids.empty() ? nullptr : gradient.ids.data();
  const int64_t n = static_cast<int64_t>(gradient.values.size());
  Move move{optimizer.rule, step.rates, gradient.scale};
  if (optimizer.rowwise && (n > 0 || state.centre.is_on())) {  // a mean input has a gradient for inputs of 0
    const Matrix<float> second = optimizer.rule == Rule::adam ? state.second : state.first;
    move = rowwise_move(optimizer.rule, step.rates, gradient, state.centre, second.row(row)[0], ledger);
  }
  if (flipped != nullptr) flipped->resize(static_cast<size_t>(n + 1));
  const int64_t n_flipped =
      kernels().update(move.rule, move.rates, step.layer.weights.row(row), rounding_key(step, kStep, row),
                       moments(state.first), moments(state.second), ids, gradient.values.data(), move.scale,
                       n, flipped != nullptr ? flipped->data() : nullptr);
  if (flipped != nullptr) flipped->resize(static_cast<size_t>(n_flipped));
  // The rule without moments multiplies by scale and rate at once, which the backward pass has counted.
  const bool is_counted = move.rule == Rule::sgd && !gradient.is_product;
  ledger.optimizer += is_counted ? 1 : n * cost_per_parameter(move.rule);
  ledger.parameters_touched += n;
  if (gradient.bias) update_biases_from(step, row, std::span(&*gradient.bias, 1), ledger);
  if (state.centre.is_on()) {
    const float by = move.rates.lr * gradient.along;
    step.layer.bias[row] += by;
    moved -= by;
    state.centre.owed[row] += move.rates.lr * *gradient.bias;
    ++state.centre.n_owed[row];
    ledger.optimizer += 2;
  }
  state.touched[row] = std::max(state.touched[row], step.number);  // asynchronous steps end out of order
  return moved;
}

void pay(const OptimizerStep& step, RowId row, std::vector<RowId>* flipped, Ledger& ledger) {
  const Centre& centre = step.state.centre;
  const float owed = centre.owed[row];
  centre.owed[row] = 0.0f;
  centre.n_owed[row] = 0;
  const int64_t n = static_cast<int64_t>(centre.stride.size());
  const size_t before = flipped != nullptr ? flipped->size() : 0;
  if (flipped != nullptr) flipped->resize(before + static_cast<size_t>(n + 1));
  const int64_t n_flipped = kernels().update(
      Rule::sgd, {.lr = 1.0f}, step.layer.weights.row(row), rounding_key(step, kMean, row), nullptr, nullptr,
      nullptr, centre.stride.data(), -owed, n, flipped != nullptr ? flipped->data() + before : nullptr);
  if (flipped != nullptr) flipped->resize(before + static_cast<size_t>(n_flipped));
  step.layer.bias[row] -= owed * centre.squares;
  ledger.optimizer += n;
  ledger.parameters_touched += n;
}

void update_biases(const OptimizerStep& step, std::span<const float> gradients, Ledger& ledger) {
  update_biases_from(step, 0, gradients, ledger);
}

}  // namespace fewfire
