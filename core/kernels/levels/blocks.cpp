// Loops over contiguous rows of full matrices.
#include "kernels/levels/lanes.h"

namespace fewfire::FEWFIRE_LEVEL {

namespace {

// sums[r][e] += products of kLanes neighbours of row r and example e, which are n apart
template <int kRows, int kExamples, class Stored, class Load>
inline void add_products(const Stored* weights, const float* inputs, int64_t n, Load load_at,
                         Floats (&sums)[kRows][kExamples]) {
  Floats row[kRows];
  for (int r = 0; r < kRows; ++r) row[r] = load_at(weights + r * n);
  for (int e = 0; e < kExamples; ++e) {
    const Floats x = load_at(inputs + e * n);
    for (int r = 0; r < kRows; ++r) sums[r][e] += row[r] * x;
  }
}

template <int kRows, int kExamples, class Stored>
inline void dot_tile(const Stored* weights, const float* inputs, int64_t n, float (&dots)[kRows][kExamples]) {
  Floats sums[kRows][kExamples] = {};
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes)
    add_products(weights + j, inputs + j, n, [](const auto* from) { return load(from); }, sums);
  if (j < n)
    add_products(weights + j, inputs + j, n, [&](const auto* from) { return load_some(from, n - j); }, sums);
  for (int r = 0; r < kRows; ++r)
    for (int e = 0; e < kExamples; ++e) dots[r][e] = sum(sums[r][e]);
}

template <int kRows, int kExamples, class Stored>
inline void score_block_tile(const Stored* weights, const float* bias, const float* inputs, int64_t n_inputs,
                             float* scores, int64_t stride) {
  float dots[kRows][kExamples];
  dot_tile(weights, inputs, n_inputs, dots);
  for (int e = 0; e < kExamples; ++e)
    for (int r = 0; r < kRows; ++r) scores[e * stride + r] = bias[r] + dots[r][e];
}

template <class Stored>
inline void score_block_of(Matrix<Stored> weights, const float* bias, int64_t first, int64_t n,
                           Matrix<const float> inputs, float* scores, int64_t stride) {
  const int64_t d = weights.cols;
  // As many sums as registers hold beside what they are made of.
  constexpr int kRows = kLanes == 16 ? 4 : 2, kExamples = 4;
  for (int64_t r = 0; r < n; r += kRows) {
    const bool whole_rows = r + kRows <= n;
    const auto* row = weights.data + (first + r) * d;
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

// Asks for a row that will be read soon: rows are far apart, so no hardware foresees them.
template <class Stored>
inline void prefetch(const Stored* row, int64_t n) {
  constexpr int64_t kLine = 64 / sizeof(Stored);  // numbers that memory brings at a time
  for (int64_t j = 0; j < n; j += kLine) __builtin_prefetch(row + j);
}

template <int kRows, class Stored, class Input>
inline void dense_tile(const Stored* const* row, const Input* x, int64_t n, float* dots) {
  Floats sums[kRows] = {};
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    const Floats values = load(x + j);
    for (int r = 0; r < kRows; ++r) sums[r] += load(row[r] + j) * values;
  }
  if (j < n) {
    const Floats values = load_some(x + j, n - j);
    for (int r = 0; r < kRows; ++r) sums[r] += load_some(row[r] + j, n - j) * values;
  }
  for (int r = 0; r < kRows; ++r) dots[r] = sum(sums[r]);
}

template <bool kForesees, class Stored, class Input>
inline void score_dense_of(Matrix<Stored> weights, const float* bias, const RowId* rows, int64_t first,
                           int64_t n, const Input* x, float* scores) {
  constexpr int kTile = 4, kAhead = 8;
  const auto id = [&](int64_t r) { return rows != nullptr ? rows[r] : first + r; };
  const auto row_at = [&](int64_t r) { return weights.data + id(r) * weights.cols; };
  const int64_t n_foreseen = kForesees && rows != nullptr ? n : 0;  // hardware foresees neighbours
  for (int64_t r = 0; r < n_foreseen && r < kAhead; ++r) prefetch(row_at(r), weights.cols);
  for (int64_t begin = 0; begin < n; begin += kTile) {
    const Stored* row[kTile];
    float dots[kTile];
    for (int64_t r = begin + kAhead; r < n_foreseen && r < begin + kAhead + kTile; ++r)
      prefetch(row_at(r), weights.cols);
    const bool is_whole = begin + kTile <= n;
    for (int64_t r = 0; r < kTile; ++r) row[r] = row_at(is_whole || begin + r < n ? begin + r : n - 1);
    dense_tile<kTile>(row, x, weights.cols, dots);
    for (int64_t r = 0; r < kTile && begin + r < n; ++r)
      scores[begin + r] = dots[r] + (bias != nullptr ? bias[id(begin + r)] : 0.0f);
  }
}

// kTile vectors of sums stay in registers while the rows pass. Returns the first column not done.
template <int kTile, class Row>
inline int64_t weighted_tiles(int64_t j, int64_t end, Row row, const float* coefficients, int64_t n,
                              float* sums) {
  for (; j + kTile * kLanes <= end; j += kTile * kLanes) {
    Floats totals[kTile];
    for (int t = 0; t < kTile; ++t) totals[t] = load(sums + j + t * kLanes);
    for (int64_t r = 0; r < n; ++r) {
      const auto* from = row(r) + j;
      for (int t = 0; t < kTile; ++t) totals[t] += load(from + t * kLanes) * coefficients[r];
    }
    for (int t = 0; t < kTile; ++t) store(sums + j + t * kLanes, totals[t]);
  }
  return j;
}

template <class Stored>
inline void weighted_sum_of(Matrix<Stored> matrix, const RowId* rows, int64_t first,
                            const float* coefficients, int64_t n, float* sums) {
  const auto row = [&](int64_t r) {
    return matrix.data + (rows != nullptr ? rows[r] : first + r) * matrix.cols;
  };
  int64_t j = weighted_tiles<8>(0, matrix.cols, row, coefficients, n, sums);
  j = weighted_tiles<4>(j, matrix.cols, row, coefficients, n, sums);
  j = weighted_tiles<2>(j, matrix.cols, row, coefficients, n, sums);
  j = weighted_tiles<1>(j, matrix.cols, row, coefficients, n, sums);
  for (int64_t r = 0; r < n; ++r) {
    const auto* from = row(r);
    for (int64_t i = j; i < matrix.cols; ++i) sums[i] += widen(from[i]) * coefficients[r];
  }
}

}  // namespace

void score_block(const Weights& weights, const float* bias, int64_t first, int64_t n,
                 Matrix<const float> inputs, float* scores, int64_t stride) {
  as_stored(weights, [&](auto matrix) { score_block_of(matrix, bias, first, n, inputs, scores, stride); });
}

void score_dense(const Weights& weights, const float* bias, const RowId* rows, int64_t first, int64_t n,
                 const float* x, float* scores) {
  as_stored(weights, [&](auto matrix) { score_dense_of<true>(matrix, bias, rows, first, n, x, scores); });
}

void score_inputs(const Weights& row, Matrix<const float> inputs, const RowId* examples, int64_t n,
                  float* scores) {
  as_stored(row, [&](auto one) {
    score_dense_of<false>(inputs, nullptr, examples, 0, n, one.data, scores);  // inputs are in the cache
  });
}

void weighted_sum(const Weights& matrix, const RowId* rows, int64_t first, const float* coefficients,
                  int64_t n, float* sums) {
  as_stored(matrix, [&](auto stored) { weighted_sum_of(stored, rows, first, coefficients, n, sums); });
}

void spread(const float* values, const int32_t* rows, const float* coefficients, int64_t n,
            Matrix<float> sums) {
  for (int64_t r = 0; r < n; ++r) {
    float* to = sums.data + rows[r] * sums.cols;
    const float coefficient = coefficients[r];
    int64_t j = 0;
    for (; j + kLanes <= sums.cols; j += kLanes) store(to + j, load(to + j) + load(values + j) * coefficient);
    for (; j < sums.cols; ++j) to[j] += values[j] * coefficient;
  }
}

void widen_row(const BFloat16* from, int64_t n, float* to) {
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) store(to + j, load(from + j));
  for (; j < n; ++j) to[j] = widen(from[j]);
}

void spread_lines(const float* values, const int32_t* lines, int64_t n_lines, const int32_t* rows,
                  const float* coefficients, int64_t n, Matrix<float> sums) {
  constexpr int64_t kLine = 16;  // columns of a line
  for (int64_t r = 0; r < n; ++r) {
    float* to = sums.data + rows[r] * sums.cols;
    const float coefficient = coefficients[r];
    for (int64_t i = 0; i < n_lines; ++i)
      for (int64_t j = lines[i] * kLine; j < (lines[i] + 1) * kLine; j += kLanes)
        store(to + j, load(to + j) + load(values + j) * coefficient);
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
