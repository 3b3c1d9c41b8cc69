// Rows of weights as floats: in place, or widened into a buffer.
#pragma once

#include <vector>

#include "kernels/dispatch.h"
#include "kernels/kernels.h"

namespace fewfire {

// Columns first .. first + n - 1 of row i.
inline std::span<const float> read_row(const Weights& weights, int64_t i, int64_t first, int64_t n,
                                       std::vector<float>& buffer) {
  const size_t size = static_cast<size_t>(n);
  const int64_t at = i * weights.cols + first;
  if (weights.halves == nullptr) return {weights.floats + at, size};
  if (buffer.size() < size) buffer.resize(size);
  kernels().widen_row(weights.halves + at, n, buffer.data());
  return {buffer.data(), size};
}

inline std::span<const float> read_row(const Weights& weights, int64_t i, std::vector<float>& buffer) {
  return read_row(weights, i, 0, weights.cols, buffer);
}

}  // namespace fewfire
