// What a loss needs of many scores side by side. exp x = 2^n exp r with n the whole number nearest to x / ln
// 2, and a polynomial for r in +-ln 2 / 2 (the coefficients of Moshier's Cephes).
#include <cmath>
#include <limits>

#include "kernels/levels/lanes.h"

namespace fewfire::FEWFIRE_LEVEL {

namespace {

constexpr float kLowest = -87.0f;  // exp is 0 below: sums do not miss it
constexpr float kHighest = 88.0f;  // and stays at exp(88) above, where float ends

inline Floats exp_lanes(Floats x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves n in the lowest bits
  const Floats high = Floats{} + kHighest;
  const Ints is_above = x > high, is_below = x < kLowest;
  const Floats bounded = (Floats)((is_above & (Ints)high) | (~is_above & ~is_below & (Ints)x));
  const Floats shifted = bounded * 1.44269504f + kRound, n = shifted - kRound;
  const Floats r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f;
  Floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const Ints power = ((Ints)shifted << 23) + (127 << 23);
  return (Floats)(~is_below & (Ints)(p * (Floats)power));
}

}  // namespace

float exponentials(const float* scores, int64_t n, float shift, float* values) {
  Floats totals = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Floats lanes = exp_lanes(load(scores + i) - shift);
    store(values + i, lanes);
    totals += lanes;
  }
  float total = sum(totals);
  if (i == n) return total;
  float last[kLanes];
  store(last, exp_lanes(load_some(scores + i, n - i) - shift));
  for (int64_t k = 0; i + k < n; ++k) total += values[i + k] = last[k];
  return total;
}

float largest(const float* values, int64_t n) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  Floats lanes = Floats{} + kNone;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Floats own = load(values + i);
    lanes = own > lanes ? own : lanes;
  }
  float best = kNone;
  for (int64_t k = 0; k < kLanes; ++k) best = lanes[k] > best ? lanes[k] : best;
  for (; i < n; ++i) best = values[i] > best ? values[i] : best;
  return best;
}

void thin(float* values, int64_t n, float least, uint32_t key) {
  const float scale = 65536.0f / least;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float size = std::abs(values[i]);
    const float drawn = static_cast<float>(static_cast<int32_t>(lot(key, i))) + 0.5f;
    const float kept = drawn < size * scale ? std::copysign(least, values[i]) : 0.0f;
    values[i] = size < least ? kept : values[i];
  }
}

}  // namespace fewfire::FEWFIRE_LEVEL
