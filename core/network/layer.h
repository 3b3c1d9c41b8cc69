// A fully connected layer: a row of weights and a bias per neuron, and the gate that chooses rows. Or a
// bag (bag.cpp): its weights lie the other way round, a row per input, because inputs are sparse.
#pragma once

#include <cmath>
#include <memory>

#include "base/weights.h"

namespace fewfire {

class Gate;

enum class Activation { relu, tanh, sigmoid, linear };

inline float activate(Activation activation, float z) {
  switch (activation) {
    case Activation::relu:
      return z <= 0.0f ? 0.0f : z;  // NaN stays NaN
    case Activation::tanh:
      return std::tanh(z);
    case Activation::sigmoid:
      return 1.0f / (1.0f + std::exp(-z));
    case Activation::linear:
      return z;
  }
  return z;
}

// da / dz, from the value a
inline float slope(Activation activation, float a) {
  switch (activation) {
    case Activation::relu:
      return a > 0.0f ? 1.0f : 0.0f;
    case Activation::tanh:
      return 1.0f - a * a;
    case Activation::sigmoid:
      return a * (1.0f - a);
    case Activation::linear:
      return 1.0f;
  }
  return 1.0f;
}

struct Layer {
  LiveWeights weights;  // a row per neuron; of a bag, a row per input
  std::span<float> bias;
  Activation activation = Activation::linear;
  std::shared_ptr<Gate> gate;  // null: every row is computed
  bool trains_bias = true;
  bool is_bag = false;
  float input_dropout = 0.0f, dropout = 0.0f;  // of a bag: shares left out in training
  uint64_t seed = 0;                           // of what dropout and rounding draw

  int64_t n_rows() const { return is_bag ? weights.cols : weights.rows; }  // neurons
  int64_t n_columns() const { return is_bag ? weights.rows : weights.cols; }
};

}  // namespace fewfire
