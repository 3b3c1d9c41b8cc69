// Optimizers that touch a row only when it has a gradient. A row first settles the decay it owes for
// the steps it missed, then the touched parameters take their step; nothing else changes a bit.
//   sgd       w -= lr g
//   momentum  v = mu v + g;  w -= lr v
//   adagrad   G += g^2;  w -= lr g / (sqrt G + eps)                  (Duchi et al., JMLR 2011)
//   rms       G = rho G + (1 - rho) g^2, when touched;  w -= lr g / (sqrt G + eps)
//   adam      m, v with bias correction by the step number            (Kingma & Ba, ICLR 2015)
// Row-wise, a row has one G or v for all its weights, fed with the mean of g^2 over those that have a
// gradient: a step then reads and writes nothing but weights (and m). That G of rms starts at the first mean.
// l2 is decoupled: weights shrink by (1 - lr l2) a step, in instalments. One is due every l2_period
// steps, and a touched row pays those that fell due since its last touch; all its columns are read
// for that, so a period of many steps saves most of the work of a sparse update.
#pragma once

#include <optional>
#include <vector>

#include "base/ledger.h"
#include "kernels/kernels.h"
#include "network/layer.h"

namespace fewfire {

struct Optimizer {
  Rule rule = Rule::sgd;
  float momentum = 0.0f, beta1 = 0.9f, beta2 = 0.999f, rho = 0.999f, eps = 1e-8f, l2 = 0.0f;
  int64_t l2_period = 1;  // steps
  bool rowwise = false;

  // Columns of each moment of a layer's weights.
  std::vector<int64_t> moment_widths(int64_t n_columns) const;
  Rates rates(float lr, int64_t step) const;
};

// Centred updates: a row learns as if the mean input m had been taken from every input x, and the rest been
// divided by deviations, and computes w . x + b as ever. With z = u . (x - m) / d + b', a step is
// u -= r s (x - m) / d and b' -= r s. In w = u / d and with p = 1 / d^2 that is w -= r s p (x - m), and
// b = b' - w . m follows every change of w. What a step owes along p m is a number per row; it is paid after
// some updates of the row in one go, so that a step touches no more columns than x has. What is still owed is
// missing in scores: r s p m . (x - m), the mean of which is 0.
struct Centre {                             // of one layer; memory of the caller
  static constexpr int32_t kMostOwed = 32;  // updates of a row until it pays

  std::span<const float> mean;    // m, input of each column; empty: updates are not centred
  std::span<const float> scale;   // p, of each column; empty: 1
  std::span<const float> stride;  // p m
  std::span<float> owed;          // by each row, of the stride
  std::span<int32_t> n_owed;      // updates that each row owes for
  float squares = 0.0f;           // mean . stride

  bool is_on() const { return !mean.empty(); }
  bool is_due(RowId row) const { return is_on() && n_owed[row] >= kMostOwed; }
};

struct OptimizerState {  // of one layer; memory of the caller
  Matrix<float> first, second;
  std::span<float> first_bias, second_bias;
  std::span<int64_t> touched;  // the step that last changed each row of weights, 0 for never
  Centre centre;
  float pace = 1.0f;  // rates of the layer, as a multiple; what decays does so at the plain rate

  void prefetch(int64_t row) const {
    for (const Matrix<float>& moment : {first, second})
      if (moment.data != nullptr) moment.prefetch(row);
  }
};

// One step, on one layer.
struct OptimizerStep {
  const Optimizer& optimizer;
  float lr;
  int64_t number;  // 1, 2, ...
  const Layer& layer;
  const OptimizerState& state;
  Rates rates;  // of the layer
};

// The gradient of one row: scale * values[i] for parameter ids[i] (ids empty: 0, 1, ...), and that of its
// neuron's bias, where the row is a neuron's. Where updates are centred, values are scaled by p.
struct RowGradient {
  std::span<const RowId> ids;
  std::span<const float> values;
  float scale = 1.0f;
  bool is_product = true;  // false: values are an input's, and scale * values is still to be computed
  std::optional<float> bias = {};
  // The sum of squares of scale * values, those scaled by p divided by it once; none: not computed yet.
  std::optional<float> squares = {};
  float along = 0.0f;  // its product with the mean input, where updates are centred
};

// Gradients of rows, a line of weights each.
struct RowGradients {
  std::vector<RowId> rows;
  std::vector<float> values;
  std::vector<float> bias;  // of each row; of a bag, of all its neurons
};

// Columns whose weight crossed zero are left in `flipped`; null: nobody wants them. Returns by how much the
// product of the row with the mean input changed, where updates are centred.
float update_row(const OptimizerStep& step, RowId row, const RowGradient& gradient,
                 std::vector<RowId>* flipped, Ledger& ledger);

// What the row still owes along the mean input. Flipped columns are added.
void pay(const OptimizerStep& step, RowId row, std::vector<RowId>* flipped, Ledger& ledger);

// The biases of all neurons, with a gradient for each.
void update_biases(const OptimizerStep& step, std::span<const float> gradients, Ledger& ledger);

}  // namespace fewfire
