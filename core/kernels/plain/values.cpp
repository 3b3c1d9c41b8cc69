// Loops over values, one after the other.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/levels/level.h"

namespace fewfire::plain {

float exponentials(const float* scores, int64_t n, float shift, float* values) {
  float sum = 0.0f;
  for (int64_t i = 0; i < n; ++i) {
    const float x = scores[i] - shift;
    values[i] = x < -87.0f ? 0.0f : std::exp(x > 88.0f ? 88.0f : x);
    sum += values[i];
  }
  return sum;
}

float largest(const float* values, int64_t n) {
  float best = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < n; ++i) best = values[i] > best ? values[i] : best;
  return best;
}

void thin(float* values, int64_t n, float least, uint32_t key) {
  for (int64_t i = 0; i < n; ++i) {
    const float size = std::abs(values[i]), drawn = static_cast<float>(lot(key, i)) + 0.5f;
    if (size < least) values[i] = drawn < size * (65536.0f / least) ? std::copysign(least, values[i]) : 0.0f;
  }
}

void widen_row(const BFloat16* from, int64_t n, float* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = widen(from[i]);
}

void order_keys(const float* scores, int64_t n, uint32_t* keys) {
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(scores[i]);
    keys[i] = std::isnan(scores[i]) ? 0 : std::signbit(scores[i]) ? ~bits : bits | 0x80000000u;
  }
}

int64_t count_at_least(const uint32_t* keys, int64_t n, uint32_t bound) {
  return std::count_if(keys, keys + n, [bound](uint32_t key) { return key >= bound; });
}

}  // namespace fewfire::plain
