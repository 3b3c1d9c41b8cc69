// Weights as they are stored: floats, or bfloat16 numbers, which are the upper halves of floats: the same
// range, 8 bits of precision, half the memory. Arithmetic is on floats. A new value is rounded up or down
// by lot, so that its mean stays: to the nearest, steps below 1/512 of a weight would all be lost.
#pragma once

#include "base/views.h"

namespace fewfire {

enum class BFloat16 : uint16_t {};

// Inlined always: kernels share them, see kernels/levels/lanes.h.
#define FEWFIRE_INLINE [[gnu::always_inline]] inline

FEWFIRE_INLINE float widen(float value) { return value; }
FEWFIRE_INLINE float widen(BFloat16 value) {
  return __builtin_bit_cast(float, static_cast<uint32_t>(value) << 16);
}

// What rounds the value of one column of a row: 16 bits, a function of the row's key (the finaliser of
// MurmurHash3, of which the upper half is used).
constexpr uint32_t kNextColumn = 0x9e3779b9u;  // key + c * this: the key as of column c
FEWFIRE_INLINE uint32_t lot(uint32_t key, int64_t column) {
  uint32_t bits = key + static_cast<uint32_t>(column) * kNextColumn;
  bits = (bits ^ (bits >> 16)) * 0x85ebca6bu;
  bits = (bits ^ (bits >> 13)) * 0xc2b2ae35u;
  return bits >> 16;
}

// A value that Stored can hold stays as it is.
template <class Stored>
FEWFIRE_INLINE Stored rounded(float value, uint32_t key, int64_t column) {
  if constexpr (sizeof(Stored) == sizeof(float)) {
    return value;
  } else {
    const uint32_t bits = __builtin_bit_cast(uint32_t, value);
    const uint32_t upper = (bits + lot(key, column)) >> 16;
    return static_cast<Stored>(value == value ? upper : bits >> 16 | 0x40);  // NaN stays NaN
  }
}

#undef FEWFIRE_INLINE

// A borrowed matrix of either type: one of the two pointers is null.
template <class Float, class Half>
struct WeightsOf {
  Float* floats = nullptr;
  Half* halves = nullptr;
  int64_t rows = 0, cols = 0;

  WeightsOf() = default;
  WeightsOf(Float* data, int64_t n_rows, int64_t n_cols) : floats(data), rows(n_rows), cols(n_cols) {}
  WeightsOf(Half* data, int64_t n_rows, int64_t n_cols) : halves(data), rows(n_rows), cols(n_cols) {}
  template <class T>
  WeightsOf(Matrix<T> matrix) : WeightsOf(matrix.data, matrix.rows, matrix.cols) {}
  operator WeightsOf<const float, const BFloat16>() const {
    return halves != nullptr ? WeightsOf<const float, const BFloat16>(halves, rows, cols)
                             : WeightsOf<const float, const BFloat16>(floats, rows, cols);
  }

  WeightsOf row(int64_t i) const {
    return halves != nullptr ? WeightsOf(halves + i * cols, 1, cols) : WeightsOf(floats + i * cols, 1, cols);
  }
  // Asks memory for a row that will be read soon.
  void prefetch(int64_t i) const {
    if (halves != nullptr)
      Matrix<Half>{halves, rows, cols}.prefetch(i);
    else
      Matrix<Float>{floats, rows, cols}.prefetch(i);
  }
};

using Weights = WeightsOf<const float, const BFloat16>;
using LiveWeights = WeightsOf<float, BFloat16>;  // that training changes

}  // namespace fewfire
