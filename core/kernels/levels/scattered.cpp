// Loops over scattered parameters. Compiled without vectorisation: packing single loads into vectors
// costs more than it saves (three times as long, measured with GCC 12 on Zen 4).
#include "kernels/levels/lanes.h"

namespace fewfire::FEWFIRE_LEVEL {

namespace {

// Rows of one tile share every load of the input; a row's sum runs over the inputs in order.
template <int kRows, class Stored>
inline void score_tile(const Stored* const* row, const RowId* ids, const float* values, int64_t n,
                       float* scores) {
  float sums[kRows] = {};
  for (int64_t k = 0; k < n; ++k)
    for (int r = 0; r < kRows; ++r) sums[r] += widen(row[r][ids[k]]) * values[k];
  for (int r = 0; r < kRows; ++r) scores[r] += sums[r];
}

template <int kRows, class Stored>
inline void gather_tile(const Stored* const* row, const float* deltas, const RowId* ids, int64_t n,
                        float* sums) {
  for (int64_t k = 0; k < n; ++k) {
    float total = sums[k];
    for (int r = 0; r < kRows; ++r) total += deltas[r] * widen(row[r][ids[k]]);
    sums[k] = total;
  }
}

template <int kRows>
inline void pattern_sum_tile(Matrix<const uint64_t> bits, const RowId* rows, const int32_t* groups,
                             const float* sums_of_patterns, int64_t n_groups, float* sums) {
  const uint64_t* words[kRows];
  float totals[kRows] = {};
  for (int r = 0; r < kRows; ++r) words[r] = bits.data + rows[r] * bits.cols;
  for (int64_t g = 0; g < n_groups; ++g)
    for (int r = 0; r < kRows; ++r) {
      const uint64_t pattern = words[r][groups[g] / 16] >> (groups[g] % 16 * 4) & 15;
      totals[r] += sums_of_patterns[16 * g + pattern];
    }
  for (int r = 0; r < kRows; ++r) sums[r] = totals[r];
}

#if defined(__AVX2__)

// The entries of a table of 16 numbers at places below 16.
inline Floats look_up(const float* table, Ints places) {
#if defined(__AVX512F__)
  return (Floats)_mm512_permutexvar_ps((__m512i)places, _mm512_loadu_ps(table));
#else
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), (__m256i)places);
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 8), (__m256i)places);
  return (Floats)_mm256_blendv_ps(low, high, (__m256)(places << 28));  // by bit 3, as the sign
#endif
}

// A row in each lane; its eight groups of a half word are loaded together.
inline void pattern_sum_lanes(Matrix<const uint64_t> bits, const RowId* rows, const int32_t* groups,
                              const float* sums_of_patterns, int64_t n_groups, float* sums) {
  Floats totals = {};
  Ints halves = {};
  for (int64_t g = 0, last = -1; g < n_groups; ++g) {
    const int32_t half = groups[g] / 8;
    if (half != last) {
      int32_t loaded[kLanes];
      for (int64_t r = 0; r < kLanes; ++r)
        loaded[r] = static_cast<int32_t>(bits.data[rows[r] * bits.cols + half / 2] >> (half % 2 * 32));
      std::memcpy(&halves, loaded, sizeof halves);
      last = half;
    }
    totals += look_up(sums_of_patterns + 16 * g, halves >> (groups[g] % 8 * 4) & 15);
  }
  store(sums, totals);
}

#endif

template <class Stored>
inline void score_rows_of(Matrix<Stored> weights, const float* bias, const RowId* rows, int64_t first,
                          int64_t n, SparseVector x, float* scores) {
  const RowId* ids = x.ids.data();
  const float* values = x.values.data();
  const int64_t n_inputs = static_cast<int64_t>(x.ids.size());
  constexpr int kTile = 8;
  const auto id = [&](int64_t r) { return rows != nullptr ? rows[r] : first + r; };
  for (int64_t r = 0; r < n; ++r) scores[r] = bias[id(r)];
  Stored* row[kTile];
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

template <class Stored>
inline void gather_sum_of(Matrix<Stored> weights, std::span<const RowId> rows, const float* deltas,
                          std::span<const RowId> ids, float* sums) {
  constexpr int kTile = 4;
  const int64_t n_rows = static_cast<int64_t>(rows.size()), n = static_cast<int64_t>(ids.size());
  for (int64_t k = 0; k < n; ++k) sums[k] = 0.0f;
  Stored* row[kTile];
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

template <class Stored>
inline void gather_of(const Stored* from, const RowId* ids, int64_t n, float* values) {
  for (int64_t i = 0; i < n; ++i) values[i] = widen(from[ids[i]]);
}

template <class Stored>
inline void scatter_of(const Stored* values, const RowId* ids, int64_t n, Stored* to) {
  for (int64_t i = 0; i < n; ++i) to[ids[i]] = values[i];
}

}  // namespace

void score_rows(const Weights& weights, const float* bias, const RowId* rows, int64_t first, int64_t n,
                SparseVector x, float* scores) {
  as_stored(weights, [&](auto matrix) { score_rows_of(matrix, bias, rows, first, n, x, scores); });
}

void gather_sum(const Weights& weights, std::span<const RowId> rows, const float* deltas,
                std::span<const RowId> ids, float* sums) {
  as_stored(weights, [&](auto matrix) { gather_sum_of(matrix, rows, deltas, ids, sums); });
}

void pattern_sum(Matrix<const uint64_t> bits, const RowId* rows, int64_t n, const int32_t* groups,
                 const float* sums_of_patterns, int64_t n_groups, float* sums) {
  constexpr int kTile = 4;
  int64_t begin = 0;
#if defined(__AVX2__)
  for (; begin + kLanes <= n; begin += kLanes)
    pattern_sum_lanes(bits, rows + begin, groups, sums_of_patterns, n_groups, sums + begin);
#endif
  for (; begin + kTile <= n; begin += kTile)
    pattern_sum_tile<kTile>(bits, rows + begin, groups, sums_of_patterns, n_groups, sums + begin);
  for (; begin < n; ++begin)
    pattern_sum_tile<1>(bits, rows + begin, groups, sums_of_patterns, n_groups, sums + begin);
}

void hamming(Matrix<const uint64_t> bits, const RowId* rows, int64_t n, const uint64_t* words,
             float* distances) {
  for (int64_t r = 0; r < n; ++r) {
    const uint64_t* row = bits.data + rows[r] * bits.cols;
    int64_t distance = 0;
    for (int64_t w = 0; w < bits.cols; ++w) distance += __builtin_popcountll(row[w] ^ words[w]);
    distances[r] = static_cast<float>(distance);
  }
}

void gather(const float* from, const RowId* ids, int64_t n, float* values) {
  gather_of(from, ids, n, values);
}
void gather(const BFloat16* from, const RowId* ids, int64_t n, float* values) {
  gather_of(from, ids, n, values);
}

void scatter(const float* values, const RowId* ids, int64_t n, float* to) { scatter_of(values, ids, n, to); }
void scatter(const BFloat16* values, const RowId* ids, int64_t n, BFloat16* to) {
  scatter_of(values, ids, n, to);
}

}  // namespace fewfire::FEWFIRE_LEVEL
