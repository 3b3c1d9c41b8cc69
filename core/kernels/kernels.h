// The hot loops, as a table of functions that exists once per SIMD level, and once as plain loops. A sum
// runs over the inputs in the same order for every row, example and tile, so its bits do not depend on
// what is computed beside it. Levels differ in the last bits only: in the order of a sum, and with or
// without fused multiply-add.
#pragma once

#include <cstdint>

#include "base/weights.h"

namespace fewfire {

enum class Rule { sgd, momentum, adagrad, rms, adam };

// The numbers of one step of an optimizer; first and second scale the moments' new values.
struct Rates {
  float lr, momentum, beta1, beta2, rho, eps, correction1, correction2;
};

struct Kernels {
  // scores[r] = weights[rows[r]] . x + bias[rows[r]]; rows == nullptr means the rows first, first + 1, ...
  void (*score_rows)(const Weights& weights, const float* bias, const RowId* rows, int64_t first, int64_t n,
                     SparseVector x, float* scores);
  // The same for an x without gaps: x[j] belongs to column j; bias == nullptr means none.
  void (*score_dense)(const Weights& weights, const float* bias, const RowId* rows, int64_t first, int64_t n,
                      const float* x, float* scores);
  // scores[i] = row . inputs[examples[i]], inputs without gaps
  void (*score_inputs)(const Weights& row, Matrix<const float> inputs, const RowId* examples, int64_t n,
                       float* scores);
  // scores[e * stride + r] = weights[first + r] . inputs[e] + bias[first + r], inputs without gaps
  void (*score_block)(const Weights& weights, const float* bias, int64_t first, int64_t n,
                      Matrix<const float> inputs, float* scores, int64_t stride);
  // scores[r] = scales[r] * scale * (rows[r] . x) + bias[r], for products below 2^31; rows.cols is a multiple
  // of 32
  void (*score_bytes)(Matrix<const int8_t> rows, const float* scales, const float* bias, const int16_t* x,
                      float scale, float* scores);
  // sums[k] = sum_r deltas[r] * weights[rows[r], ids[k]]
  void (*gather_sum)(const Weights& weights, std::span<const RowId> rows, const float* deltas,
                     std::span<const RowId> ids, float* sums);
  // sums += sum_r coefficients[r] * matrix[rows[r]]; rows == nullptr means the rows first, first + 1, ...
  void (*weighted_sum)(const Weights& matrix, const RowId* rows, int64_t first, const float* coefficients,
                       int64_t n, float* sums);
  // sums[rows[r]] += coefficients[r] * values
  void (*spread)(const float* values, const int32_t* rows, const float* coefficients, int64_t n,
                 Matrix<float> sums);
  // The same for the columns 16 lines[i] .. 16 lines[i] + 15 only
  void (*spread_lines)(const float* values, const int32_t* lines, int64_t n_lines, const int32_t* rows,
                       const float* coefficients, int64_t n, Matrix<float> sums);
  // values[i] = exp(scores[i] - shift), at most two roundings off; returns their sum. Below -87 it is 0, and
  // above 88, where floats end, exp 88.
  float (*exponentials)(const float* scores, int64_t n, float shift, float* values);
  // The largest that is no NaN; -inf if there is none
  float (*largest)(const float* values, int64_t n);
  // Values of a size below `least` become +-least with the chance |value| / least, else 0: by lot, a function
  // of the key and of i
  void (*thin)(float* values, int64_t n, float least, uint32_t key);
  // sums[i] = sum of x.values[k] over the k whose bit i of words[x.ids[k]] is set
  void (*masked_sum)(Matrix<const uint64_t> words, SparseVector x, float* sums);
  // Bit i of planes[p] is bit p of how many of words[ids[k]] have bit i set; planes.rows >= 3, and enough
  // for ids.size().
  void (*count_bits)(Matrix<const uint64_t> words, std::span<const RowId> ids, Matrix<uint64_t> planes);
  // sums[r] = sum over g of sums_of_patterns[16 g + the four bits 4 groups[g] .. of row rows[r]]
  void (*pattern_sum)(Matrix<const uint64_t> bits, const RowId* rows, int64_t n, const int32_t* groups,
                      const float* sums_of_patterns, int64_t n_groups, float* sums);
  // distances[r]: bits in which row rows[r] of `bits` differs from `words`
  void (*hamming)(Matrix<const uint64_t> bits, const RowId* rows, int64_t n, const uint64_t* words,
                  float* distances);
  // The Walsh-Hadamard transform of 2^log_size values, in place, without scaling
  void (*hadamard)(float* values, int log_size);
  // keys[i]: an unsigned integer with the order of scores[i], NaN lowest
  void (*order_keys)(const float* scores, int64_t n, uint32_t* keys);
  int64_t (*count_at_least)(const uint32_t* keys, int64_t n, uint32_t bound);
  float (*sum_of_squares)(const float* values, int64_t n);
  void (*widen_row)(const BFloat16* from, int64_t n, float* to);
  // One optimizer step on the parameters ids[i] (or 0, 1, ... for nullptr) of a row, whose gradients are
  // scale * values[i]; `key` rounds what is not stored as floats. Writes the ids whose weight changed between
  // positive and not, returns their number; none if flipped == nullptr, which else has room for n + 1.
  int64_t (*update)(Rule rule, const Rates& rates, const LiveWeights& row, uint32_t key, float* first,
                    float* second, const RowId* ids, const float* values, float scale, int64_t n,
                    RowId* flipped);
};

}  // namespace fewfire
