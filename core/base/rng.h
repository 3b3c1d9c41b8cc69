// Counter-based randomness: a number depends only on where it is used (seed, key, draw), never on
// which thread asks or in which order.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "base/views.h"

namespace fewfire {

// The finaliser of splitmix64 (Steele, Lea & Flood, OOPSLA 2014): a bijection of 64 bits.
inline uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

inline uint64_t random_bits(uint64_t seed, uint64_t key, uint64_t draw) {
  return mix(mix(seed ^ mix(key)) ^ draw);
}

// Uniform in [0, 1): 24 bits, which a float holds exactly.
inline float random_uniform(uint64_t seed, uint64_t key, uint64_t draw) {
  return static_cast<float>(random_bits(seed, key, draw) >> 40) * 0x1p-24f;
}

// Uniform in 0 .. n-1, by multiply-shift: the bias is below n / 2^32.
inline int64_t random_below(int64_t n, uint64_t bits) {
  return static_cast<int64_t>(((bits >> 32) * static_cast<uint64_t>(n)) >> 32);
}

// Standard normal, by Box and Muller.
inline float random_normal(uint64_t seed, uint64_t key, uint64_t draw) {
  const uint64_t bits = random_bits(seed, key, draw);
  const double u = (static_cast<double>(bits >> 32) + 0.5) * 0x1p-32;
  const double v = static_cast<double>(bits & 0xffffffffu) * 0x1p-32;
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
}

// Names an example by its content, so that what is drawn for it does not depend on its place.
inline uint64_t content_key(SparseVector x) {
  uint64_t key = static_cast<uint64_t>(x.size());
  for (int64_t k = 0; k < x.size(); ++k) {
    const uint64_t pair =
        static_cast<uint64_t>(static_cast<uint32_t>(x.ids[k])) << 32 | std::bit_cast<uint32_t>(x.values[k]);
    key = (key ^ pair) * 0x9e3779b97f4a7c15u;
    key ^= key >> 29;
  }
  return mix(key);
}

// The same for a dense vector.
inline uint64_t content_key(std::span<const float> values) {
  uint64_t key = values.size();
  for (const float value : values) {
    key = (key ^ std::bit_cast<uint32_t>(value)) * 0x9e3779b97f4a7c15u;
    key ^= key >> 29;
  }
  return mix(key);
}

}  // namespace fewfire
