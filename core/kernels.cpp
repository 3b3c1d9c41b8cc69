// Compiled once per SIMD level, each time in a namespace of its own. Nothing here may call an inline
// function of a shared header: the linker would keep one level's copy for all.
#include "kernels.h"

#include <cmath>
#include <cstring>

namespace fewfire::FEWFIRE_LEVEL {
namespace {

constexpr int64_t kLanes = 16;
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Ints = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Floats load(const float* from) {
  Floats lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

inline Floats load_some(const float* from, int64_t n) {
  Floats lanes = {};
  std::memcpy(&lanes, from, static_cast<size_t>(n) * sizeof(float));
  return lanes;
}

inline void store(float* to, Floats lanes) { std::memcpy(to, &lanes, sizeof lanes); }

inline float sum(Floats lanes) {
  float total[kLanes];
  std::memcpy(total, &lanes, sizeof lanes);
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i) total[i] += total[i + half];
  return total[0];
}

// Rows of one tile share every load of the input; a row's sum runs over the inputs in order.
template <int kRows>
inline void score_tile(const float* const* row, const RowId* ids, const float* values, int64_t n,
                       float* scores) {
  float sums[kRows] = {};
  for (int64_t k = 0; k < n; ++k)
    for (int r = 0; r < kRows; ++r) sums[r] += row[r][ids[k]] * values[k];
  for (int r = 0; r < kRows; ++r) scores[r] += sums[r];
}

void score_rows(Matrix<const float> weights, const float* bias, const RowId* rows, int64_t first, int64_t n,
                SparseVector x, float* scores) {
  const RowId* ids = x.ids.data();
  const float* values = x.values.data();
  const int64_t n_inputs = static_cast<int64_t>(x.ids.size());
  constexpr int kTile = 8;
  const auto id = [&](int64_t r) { return rows != nullptr ? rows[r] : first + r; };
  for (int64_t r = 0; r < n; ++r) scores[r] = bias[id(r)];
  const float* row[kTile];
  int64_t begin = 0;
  for (; begin + kTile <= n; begin += kTile) {
    for (int r = 0; r < kTile; ++r) row[r] = weights.data + id(begin + r) * weights.cols;
    score_tile<kTile>(row, ids, values, n_inputs, scores + begin);
  }
  for (; begin < n; ++begin) {
    row[0] = weights.data + id(begin) * weights.cols;
    score_tile<1>(row, ids, values, n_inputs, scores + begin);
  }
}

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

template <int kRows>
inline void gather_tile(const float* const* row, const float* deltas, const RowId* ids, int64_t n,
                        float* sums) {
  for (int64_t k = 0; k < n; ++k) {
    float total = sums[k];
    for (int r = 0; r < kRows; ++r) total += deltas[r] * row[r][ids[k]];
    sums[k] = total;
  }
}

void gather_sum(Matrix<const float> weights, std::span<const RowId> rows, const float* deltas,
                std::span<const RowId> ids, float* sums) {
  constexpr int kTile = 4;
  const int64_t n_rows = static_cast<int64_t>(rows.size()), n = static_cast<int64_t>(ids.size());
  for (int64_t k = 0; k < n; ++k) sums[k] = 0.0f;
  const float* row[kTile];
  int64_t begin = 0;
  for (; begin + kTile <= n_rows; begin += kTile) {
    for (int r = 0; r < kTile; ++r) row[r] = weights.data + rows[begin + r] * weights.cols;
    gather_tile<kTile>(row, deltas + begin, ids.data(), n, sums);
  }
  for (; begin < n_rows; ++begin) {
    row[0] = weights.data + rows[begin] * weights.cols;
    gather_tile<1>(row, deltas + begin, ids.data(), n, sums);
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

// 16 rows at a time: their bits become lanes of all ones or all zeros, and a lane is added or not.
template <int kTile>
inline void masked_tile(const uint64_t* words, int64_t stride, int64_t first, const RowId* ids,
                        const float* values, int64_t n, float* sums) {
  constexpr Ints kBit = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
  Floats totals[kTile] = {};
  for (int64_t k = 0; k < n; ++k) {
    const Floats x = values[k] - Floats{};
    for (int t = 0; t < kTile; ++t) {
      uint16_t bits;
      std::memcpy(&bits, reinterpret_cast<const char*>(words + ids[k] * stride) + 2 * (first + t),
                  sizeof bits);
      totals[t] += ((static_cast<int32_t>(bits) - Ints{}) & kBit) != 0 ? x : Floats{};
    }
  }
  for (int t = 0; t < kTile; ++t) store(sums + t * kLanes, totals[t]);
}

void masked_sum(Matrix<const uint64_t> words, SparseVector x, float* sums) {
  constexpr int64_t kTile = 8, kPieces = 64 / kLanes;  // 16-bit pieces of a word
  const RowId* ids = x.ids.data();
  const float* values = x.values.data();
  const int64_t n = static_cast<int64_t>(x.ids.size()), n_pieces = words.cols * kPieces;
  int64_t piece = 0;
  for (; piece + kTile <= n_pieces; piece += kTile)
    masked_tile<kTile>(words.data, words.cols, piece, ids, values, n, sums + piece * kLanes);
  for (; piece < n_pieces; piece += kPieces)
    masked_tile<kPieces>(words.data, words.cols, piece, ids, values, n, sums + piece * kLanes);
}

void order_keys(const float* scores, int64_t n, uint32_t* keys) {
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    std::memcpy(&bits, scores + i, sizeof bits);
    const uint32_t ordered = bits ^ ((bits >> 31) != 0 ? 0xffffffffu : 0x80000000u);
    keys[i] = scores[i] == scores[i] ? ordered : 0u;
  }
}

int64_t count_at_least(const uint32_t* keys, int64_t n, uint32_t bound) {
  int32_t count = 0;
  for (int64_t i = 0; i < n; ++i) count += keys[i] >= bound ? 1 : 0;
  return count;
}

// How a rule changes one weight w and its moments m, v for the gradient g. Formulae in optimizer.h.
template <Rule rule>
inline void apply(const Rates& rates, float g, float& w, float& m, float& v) {
  if constexpr (rule == Rule::sgd) {
    w -= rates.lr * g;
  } else if constexpr (rule == Rule::momentum) {
    m = rates.momentum * m + g;
    w -= rates.lr * m;
  } else if constexpr (rule == Rule::adagrad) {
    m += g * g;
    w -= rates.lr * g / (std::sqrt(m) + rates.eps);
  } else if constexpr (rule == Rule::rms) {
    m = rates.rho * m + (1.0f - rates.rho) * (g * g);
    w -= rates.lr * g / (std::sqrt(m) + rates.eps);
  } else {
    m = rates.beta1 * m + (1.0f - rates.beta1) * g;
    v = rates.beta2 * v + (1.0f - rates.beta2) * (g * g);
    w -= rates.lr * (m * rates.correction1) / (std::sqrt(v * rates.correction2) + rates.eps);
  }
}

constexpr bool has_first(Rule rule) { return rule != Rule::sgd; }
constexpr bool has_second(Rule rule) { return rule == Rule::adam; }

// Scattered parameters are gathered, changed side by side, and scattered again.
template <Rule rule>
int64_t update_scattered(const Rates& rates, float* weights, float* first, float* second, const RowId* ids,
                         const float* values, float scale, int64_t n, RowId* flipped) {
  constexpr int64_t kBlock = 64;
  float w[kBlock], m[kBlock], v[kBlock], before[kBlock];
  int64_t n_flipped = 0;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t size = n - begin < kBlock ? n - begin : kBlock;
    const RowId* id = ids + begin;
    for (int64_t i = 0; i < size; ++i) before[i] = weights[id[i]];
    if constexpr (has_first(rule))
      for (int64_t i = 0; i < size; ++i) m[i] = first[id[i]];
    if constexpr (has_second(rule))
      for (int64_t i = 0; i < size; ++i) v[i] = second[id[i]];
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) {
      w[i] = before[i];
      apply<rule>(rates, scale * values[begin + i], w[i], m[i], v[i]);
    }
    if constexpr (has_first(rule))
      for (int64_t i = 0; i < size; ++i) first[id[i]] = m[i];
    if constexpr (has_second(rule))
      for (int64_t i = 0; i < size; ++i) second[id[i]] = v[i];
    for (int64_t i = 0; i < size; ++i) {
      weights[id[i]] = w[i];
      flipped[n_flipped] = id[i];
      n_flipped += (before[i] > 0.0f) != (w[i] > 0.0f);
    }
  }
  return n_flipped;
}

template <Rule rule>
void update_whole(const Rates& rates, float* weights, float* first, float* second, const float* values,
                  float scale, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    float w = weights[i], m = has_first(rule) ? first[i] : 0.0f, v = has_second(rule) ? second[i] : 0.0f;
    apply<rule>(rates, scale * values[i], w, m, v);
    weights[i] = w;
    if constexpr (has_first(rule)) first[i] = m;
    if constexpr (has_second(rule)) second[i] = v;
  }
}

template <Rule rule>
int64_t update_as(const Rates& rates, float* weights, float* first, float* second, const RowId* ids,
                  const float* values, float scale, int64_t n, RowId* flipped) {
  if (ids != nullptr)
    return update_scattered<rule>(rates, weights, first, second, ids, values, scale, n, flipped);
  update_whole<rule>(rates, weights, first, second, values, scale, n);
  return 0;
}

int64_t update(Rule rule, const Rates& rates, float* weights, float* first, float* second, const RowId* ids,
               const float* values, float scale, int64_t n, RowId* flipped) {
  switch (rule) {
    case Rule::sgd:
      return update_as<Rule::sgd>(rates, weights, first, second, ids, values, scale, n, flipped);
    case Rule::momentum:
      return update_as<Rule::momentum>(rates, weights, first, second, ids, values, scale, n, flipped);
    case Rule::adagrad:
      return update_as<Rule::adagrad>(rates, weights, first, second, ids, values, scale, n, flipped);
    case Rule::rms:
      return update_as<Rule::rms>(rates, weights, first, second, ids, values, scale, n, flipped);
    case Rule::adam:
      return update_as<Rule::adam>(rates, weights, first, second, ids, values, scale, n, flipped);
  }
  return 0;
}

}  // namespace

extern const Kernels table;
const Kernels table = {score_rows, score_block, gather_sum,     weighted_sum,
                       masked_sum, order_keys,  count_at_least, update};

}  // namespace fewfire::FEWFIRE_LEVEL
