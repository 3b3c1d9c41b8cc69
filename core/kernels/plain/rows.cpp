// Scores and sums of rows, one number after the other, from the first input to the last.
#include "kernels/levels/level.h"

namespace fewfire::plain {

namespace {

int64_t row_at(const RowId* rows, int64_t first, int64_t r) { return rows != nullptr ? rows[r] : first + r; }

float at(const Weights& weights, int64_t row, int64_t column) {
  const int64_t i = row * weights.cols + column;
  return weights.halves != nullptr ? widen(weights.halves[i]) : weights.floats[i];
}

float dot(const Weights& weights, int64_t row, const float* x) {
  float sum = 0.0f;
  for (int64_t j = 0; j < weights.cols; ++j) sum += at(weights, row, j) * x[j];
  return sum;
}

}  // namespace

void score_rows(const Weights& weights, const float* bias, const RowId* rows, int64_t first, int64_t n,
                SparseVector x, float* scores) {
  for (int64_t r = 0; r < n; ++r) {
    const int64_t row = row_at(rows, first, r);
    float sum = 0.0f;
    for (int64_t k = 0; k < x.size(); ++k) sum += at(weights, row, x.ids[k]) * x.values[k];
    scores[r] = bias[row] + sum;
  }
}

void score_dense(const Weights& weights, const float* bias, const RowId* rows, int64_t first, int64_t n,
                 const float* x, float* scores) {
  for (int64_t r = 0; r < n; ++r) {
    const int64_t row = row_at(rows, first, r);
    scores[r] = dot(weights, row, x) + (bias != nullptr ? bias[row] : 0.0f);
  }
}

void score_inputs(const Weights& row, Matrix<const float> inputs, const RowId* examples, int64_t n,
                  float* scores) {
  for (int64_t i = 0; i < n; ++i) scores[i] = dot(row, 0, inputs.row(examples[i]).data());
}

void score_block(const Weights& weights, const float* bias, int64_t first, int64_t n,
                 Matrix<const float> inputs, float* scores, int64_t stride) {
  for (int64_t e = 0; e < inputs.rows; ++e)
    score_dense(weights, bias, nullptr, first, n, inputs.row(e).data(), scores + e * stride);
}

void score_bytes(Matrix<const int8_t> rows, const float* scales, const float* bias, const int16_t* x,
                 float scale, float* scores) {
  for (int64_t r = 0; r < rows.rows; ++r) {
    int32_t sum = 0;
    for (int64_t j = 0; j < rows.cols; ++j) sum += rows.row(r)[j] * x[j];
    scores[r] = bias[r] + scales[r] * scale * static_cast<float>(sum);
  }
}

void gather_sum(const Weights& weights, std::span<const RowId> rows, const float* deltas,
                std::span<const RowId> ids, float* sums) {
  for (size_t k = 0; k < ids.size(); ++k) {
    sums[k] = 0.0f;
    for (size_t r = 0; r < rows.size(); ++r) sums[k] += deltas[r] * at(weights, rows[r], ids[k]);
  }
}

void weighted_sum(const Weights& matrix, const RowId* rows, int64_t first, const float* coefficients,
                  int64_t n, float* sums) {
  for (int64_t r = 0; r < n; ++r)
    for (int64_t j = 0; j < matrix.cols; ++j)
      sums[j] += coefficients[r] * at(matrix, row_at(rows, first, r), j);
}

void spread(const float* values, const int32_t* rows, const float* coefficients, int64_t n,
            Matrix<float> sums) {
  for (int64_t r = 0; r < n; ++r)
    for (int64_t j = 0; j < sums.cols; ++j) sums.row(rows[r])[j] += coefficients[r] * values[j];
}

void spread_lines(const float* values, const int32_t* lines, int64_t n_lines, const int32_t* rows,
                  const float* coefficients, int64_t n, Matrix<float> sums) {
  for (int64_t r = 0; r < n; ++r)
    for (int64_t i = 0; i < n_lines; ++i)
      for (int64_t j = 16 * lines[i]; j < 16 * (lines[i] + 1); ++j)
        sums.row(rows[r])[j] += coefficients[r] * values[j];
}

float sum_of_squares(const float* values, int64_t n) {
  float sum = 0.0f;
  for (int64_t i = 0; i < n; ++i) sum += values[i] * values[i];
  return sum;
}

void hadamard(float* values, int log_size) {
  const int64_t size = int64_t{1} << log_size;
  for (int64_t half = 1; half < size; half *= 2)
    for (int64_t i = 0; i < size; ++i)
      if ((i & half) == 0) {
        const float a = values[i], b = values[i + half];
        values[i] = a + b, values[i + half] = a - b;
      }
}

}  // namespace fewfire::plain
