// Rows of whole numbers.
#include "kernels/levels/lanes.h"

#if defined(__SSE4_1__)
#include <immintrin.h>
#endif

namespace fewfire::FEWFIRE_LEVEL {

namespace {

constexpr int64_t kPairs = 2 * kLanes;  // columns whose products fill the lanes, in pairs

// Of kPairs columns: lane i holds row[2 i] x[2 i] + row[2 i + 1] x[2 i + 1].
inline Ints pair_products(const int8_t* row, const int16_t* x) {
#if defined(__AVX512BW__)
  const __m512i wide = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)row));
  return (Ints)_mm512_madd_epi16(wide, _mm512_loadu_si512(x));
#elif defined(__AVX2__)
  const __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)row));
  return (Ints)_mm256_madd_epi16(wide, _mm256_loadu_si256((const __m256i*)x));
#elif defined(__SSE4_1__)
  const __m128i wide = _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i*)row));
  return (Ints)_mm_madd_epi16(wide, _mm_loadu_si128((const __m128i*)x));
#else
  Ints sums;
  for (int64_t i = 0; i < kLanes; ++i) sums[i] = row[2 * i] * x[2 * i] + row[2 * i + 1] * x[2 * i + 1];
  return sums;
#endif
}

inline int32_t sum(Ints lanes) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_epi32((__m512i)lanes);
#elif defined(__AVX2__)
  const __m128i four =
      _mm_add_epi32(_mm256_castsi256_si128((__m256i)lanes), _mm256_extracti128_si256((__m256i)lanes, 1));
  const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
  return _mm_cvtsi128_si32(two) + _mm_extract_epi32(two, 1);
#else
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
#endif
}

// Several rows at a time, whose sums wait for nothing of each other.
template <int kRows>
inline void dot_tile(const int8_t* rows, const int16_t* x, int64_t n, int32_t* dots) {
  Ints sums[kRows] = {};
  for (int64_t j = 0; j < n; j += kPairs)
    for (int r = 0; r < kRows; ++r) sums[r] += pair_products(rows + r * n + j, x + j);
  for (int r = 0; r < kRows; ++r) dots[r] = sum(sums[r]);
}

}  // namespace

void score_bytes(Matrix<const int8_t> rows, const float* scales, const float* bias, const int16_t* x,
                 float scale, float* scores) {
  constexpr int kTile = 4;
  for (int64_t r = 0; r < rows.rows; r += kTile) {
    const int64_t n = r + kTile <= rows.rows ? kTile : rows.rows - r;
    int32_t dots[kTile];
    if (n == kTile)
      dot_tile<kTile>(rows.data + r * rows.cols, x, rows.cols, dots);
    else
      for (int64_t i = 0; i < n; ++i) dot_tile<1>(rows.data + (r + i) * rows.cols, x, rows.cols, dots + i);
    for (int64_t i = 0; i < n; ++i)
      scores[r + i] = bias[r + i] + scales[r + i] * scale * static_cast<float>(dots[i]);
  }
}

}  // namespace fewfire::FEWFIRE_LEVEL
