#include "optimizer.h"

#include <algorithm>
#include <cmath>

#include "simd.h"

namespace fewfire {
namespace {

void scale(std::span<float> values, float factor, Tally& tally) {
  for (float& value : values) {
    const float scaled = value * factor;
    value = scaled != 0.0f ? scaled : value;  // none underflows to 0, so that no sign is lost
  }
  tally.optimizer += static_cast<int64_t>(values.size());
}

// What the row owes for the steps since it was last touched.
void settle(const Optimizer& optimizer, const Rates& rates, int64_t step, const Layer& layer,
            const OptimizerState& state, RowId row, Tally& tally) {
  const int64_t owed = step - state.touched[row] - 1;
  const int64_t due = step / optimizer.l2_period - state.touched[row] / optimizer.l2_period;
  if (optimizer.l2 > 0.0f && due > 0) {
    // Bounded below, so that an extreme rate does not erase the row.
    const float keep = std::max(0.0f, 1.0f - rates.lr * optimizer.l2);
    const float steps = static_cast<float>(due * optimizer.l2_period);
    scale(layer.weights.row(row), std::max(1e-20f, std::pow(keep, steps)), tally);
  }
  if (owed <= 0 || state.touched[row] == 0) return;
  const auto decay = [&](Matrix<float> moments, std::span<float> bias, float rate) {
    const float factor = std::pow(rate, static_cast<float>(owed));
    scale(moments.row(row), factor, tally);
    scale(bias.subspan(static_cast<size_t>(row), 1), factor, tally);
  };
  if (optimizer.rule == Rule::momentum) decay(state.first, state.first_bias, optimizer.momentum);
  if (optimizer.rule == Rule::adam) {
    decay(state.first, state.first_bias, optimizer.beta1);
    decay(state.second, state.second_bias, optimizer.beta2);
  }
}

}  // namespace

int64_t Optimizer::cost_per_parameter() const {
  switch (rule) {
    case Rule::sgd:
      return 1;
    case Rule::momentum:
      return 2;
    case Rule::adagrad:
      return 3;
    case Rule::rms:
      return 5;
    case Rule::adam:
      return 8;
  }
  return 0;
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

void update_row(const Optimizer& optimizer, const Rates& rates, int64_t step, const Layer& layer,
                const OptimizerState& state, RowId row, const RowGradient& gradient,
                std::vector<RowId>& flipped, Tally& tally) {
  settle(optimizer, rates, step, layer, state, row, tally);
  const auto moments = [&](Matrix<float> matrix) {
    return matrix.data != nullptr ? matrix.row(row).data() : nullptr;
  };
  const auto moment = [&](std::span<float> values) { return values.empty() ? nullptr : &values[row]; };
  const RowId* ids = gradient.ids.empty() ? nullptr : gradient.ids.data();
  const int64_t n = static_cast<int64_t>(gradient.values.size());
  flipped.resize(gradient.ids.size() + 1);
  const int64_t n_flipped =
      kernels().update(optimizer.rule, rates, layer.weights.row(row).data(), moments(state.first),
                       moments(state.second), ids, gradient.values.data(), gradient.scale, n, flipped.data());
  flipped.resize(static_cast<size_t>(n_flipped));
  if (layer.trains_bias)
    kernels().update(optimizer.rule, rates, &layer.bias[row], moment(state.first_bias),
                     moment(state.second_bias), nullptr, &gradient.bias, 1.0f, 1, nullptr);
  state.touched[row] = step;
  const int64_t n_changed = n + (layer.trains_bias ? 1 : 0);
  tally.optimizer += n_changed * optimizer.cost_per_parameter();
  tally.parameters_touched += n_changed;
}

}  // namespace fewfire
