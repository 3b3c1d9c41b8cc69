// What the files of this folder share. Each is compiled once per SIMD level, in a namespace of its own:
// nothing here may call a function of a shared header that the compiler could leave out of line, because
// the linker would keep one level's copy for all.
#pragma once

#if defined(__AVX__)
#include <immintrin.h>
#endif

#include <cstring>

#include "kernels/levels/level.h"

namespace fewfire::FEWFIRE_LEVEL {

// As wide as the registers of the level: GCC 12 takes wider vectors through the stack, at a fifth of the
// speed.
#if defined(__AVX512F__)
constexpr int64_t kLanes = 16;
#elif defined(__AVX__)
constexpr int64_t kLanes = 8;
#else
constexpr int64_t kLanes = 4;
#endif
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Ints = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));
using Halves = uint16_t __attribute__((vector_size(kLanes * sizeof(uint16_t))));  // of floats

static inline Floats load(const float* from) {
  Floats lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

// The first n < kLanes; zeros behind them.
static inline Floats load_some(const float* from, int64_t n) {
#if defined(__AVX512F__)
  return (Floats)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), from);
#elif defined(__AVX__)
  alignas(32) static constexpr int32_t kMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return (Floats)_mm256_maskload_ps(from, _mm256_loadu_si256((const __m256i*)(kMasks + 8 - n)));
#else
  Floats lanes = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = from[i];
  return lanes;
#endif
}

// GCC 12 would widen wide vectors in halves.
static inline Floats load(const BFloat16* from) {
#if defined(__AVX512F__)
  return (Floats)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)from)), 16);
#elif defined(__AVX2__)
  return (Floats)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)from)), 16);
#else
  Halves lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return (Floats)(__builtin_convertvector(lanes, Ints) << 16);
#endif
}

static inline Floats load_some(const BFloat16* from, int64_t n) {
  BFloat16 some[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) some[i] = from[i];
  return load(some);
}

// work(matrix), a Matrix of what is stored: chosen once, so that its loops know the type.
template <class Float, class Half, class Work>
static inline auto as_stored(const WeightsOf<Float, Half>& weights, Work work) {
  return weights.halves != nullptr ? work(Matrix<Half>{weights.halves, weights.rows, weights.cols})
                                   : work(Matrix<Float>{weights.floats, weights.rows, weights.cols});
}

static inline void store(float* to, Floats lanes) { std::memcpy(to, &lanes, sizeof lanes); }

// Lane i and lane i + half are added, for every half in turn: the same order at every level.
static inline float sum(Floats lanes) {
#if defined(__AVX__)
#if defined(__AVX512F__)
  const __m256 eight = _mm512_castps512_ps256((__m512)lanes) + _mm512_extractf32x8_ps((__m512)lanes, 1);
#else
  const __m256 eight = (__m256)lanes;
#endif
  const __m128 four = _mm256_castps256_ps128(eight) + _mm256_extractf128_ps(eight, 1);
  const __m128 two = four + _mm_movehl_ps(four, four);
  return two[0] + two[1];
#else
  float total[kLanes];
  std::memcpy(total, &lanes, sizeof lanes);
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i) total[i] += total[i + half];
  return total[0];
#endif
}

// Single parameters, side by side: scattered.cpp
void gather(const float* from, const RowId* ids, int64_t n, float* values);
void gather(const BFloat16* from, const RowId* ids, int64_t n, float* values);
void scatter(const float* values, const RowId* ids, int64_t n, float* to);
void scatter(const BFloat16* values, const RowId* ids, int64_t n, BFloat16* to);

}  // namespace fewfire::FEWFIRE_LEVEL
