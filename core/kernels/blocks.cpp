// Loops over contiguous rows of full matrices.
#include "kernels/lanes.h"

namespace fewfire::FEWFIRE_LEVEL {

namespace {

template <int kRows, int kExamples>
inline void dot_tile(const float* weights, const float* inputs, int64_t n, float (&dots)[kRows][kExamples]) {
  Floats sums[kRows][kExamples] = {};
  for (int64_t j = 0; j < n; j += kLanes) {
    const bool whole = j + kLanes <= n;
    Floats row[kRows];
    for (int r = 0; r < kRows; ++r)
      row[r] = whole ? load(weights + r * n + j) : load_some(weights + r * n + j, n - j);
    for (int e = 0; e < kExamples; ++e) {
      const Floats x = whole ? load(inputs + e * n + j) : load_some(inputs + e * n + j, n - j);
      for (int r = 0; r < kRows; ++r) sums[r][e] += row[r] * x;
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int e = 0; e < kExamples; ++e) dots[r][e] = sum(sums[r][e]);
}

template <int kRows, int kExamples>
inline void score_block_tile(const float* weights, const float* bias, const float* inputs, int64_t n_inputs,
                             float* scores, int64_t stride) {
  float dots[kRows][kExamples];
  dot_tile<kRows, kExamples>(weights, inputs, n_inputs, dots);
  for (int e = 0; e < kExamples; ++e)
    for (int r = 0; r < kRows; ++r) scores[e * stride + r] = bias[r] + dots[r][e];
}

}  // namespace

void score_block(Matrix<const float> weights, const float* bias, int64_t first, int64_t n,
                 Matrix<const float> inputs, float* scores, int64_t stride) {
  const int64_t d = weights.cols;
  constexpr int kRows = 2, kExamples = 4;
  for (int64_t r = 0; r < n; r += kRows) {
    const bool whole_rows = r + kRows <= n;
    const float* row = weights.data + (first + r) * d;
    for (int64_t e = 0; e < inputs.rows; e += kExamples) {
      const float* x = inputs.data + e * d;
      float* to = scores + e * stride + r;
      if (whole_rows && e + kExamples <= inputs.rows) {
        score_block_tile<kRows, kExamples>(row, bias + first + r, x, d, to, stride);
        continue;
      }
      for (int64_t i = 0; i < (whole_rows ? kRows : n - r); ++i)
        for (int64_t b = 0; b < kExamples && e + b < inputs.rows; ++b)
          score_block_tile<1, 1>(row + i * d, bias + first + r + i, x + b * d, d, to + b * stride + i,
                                 stride);
    }
  }
}

void weighted_sum(Matrix<const float> matrix, const RowId* rows, int64_t first, const float* coefficients,
                  int64_t n, float* sums) {
  constexpr int64_t kTile = 4;
  const auto row = [&](int64_t r) {
    return matrix.data + (rows != nullptr ? rows[r] : first + r) * matrix.cols;
  };
  int64_t j = 0;
  for (; j + kTile * kLanes <= matrix.cols; j += kTile * kLanes) {
    Floats totals[kTile];
    for (int64_t t = 0; t < kTile; ++t) totals[t] = load(sums + j + t * kLanes);
    for (int64_t r = 0; r < n; ++r) {
      const float* from = row(r) + j;
      for (int64_t t = 0; t < kTile; ++t) totals[t] += load(from + t * kLanes) * coefficients[r];
    }
    for (int64_t t = 0; t < kTile; ++t) store(sums + j + t * kLanes, totals[t]);
  }
  for (int64_t r = 0; r < n; ++r) {
    const float* from = row(r);
    for (int64_t i = j; i < matrix.cols; ++i) sums[i] += from[i] * coefficients[r];
  }
}

void hadamard(float* values, int log_size) {
  const int64_t size = int64_t{1} << log_size;
  for (int64_t half = 1; half < size; half *= 2)
    for (int64_t begin = 0; begin < size; begin += 2 * half) {
      float* low = values + begin;
      float* high = low + half;
#pragma omp simd
      for (int64_t i = 0; i < half; ++i) {
        const float a = low[i], b = high[i];
        low[i] = a + b;
        high[i] = a - b;
      }
    }
}

}  // namespace fewfire::FEWFIRE_LEVEL
