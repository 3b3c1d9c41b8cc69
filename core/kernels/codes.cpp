// Scans of bit codes, and the counting behind a cut.
#include "kernels/lanes.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace fewfire::FEWFIRE_LEVEL {

namespace {

// sums[i] + x where bit i of `bits` is set
inline Floats add_where(uint32_t bits, float x, Floats sums) {
#if defined(__AVX512F__)
  return _mm512_mask_add_ps(sums, static_cast<__mmask16>(bits), sums, _mm512_set1_ps(x));
#else
  Ints place;
  for (int64_t i = 0; i < kLanes; ++i) place[i] = 1 << i;
  const Ints is_set = ((static_cast<int32_t>(bits) - Ints{}) & place) == place;
  return sums + reinterpret_cast<Floats>(reinterpret_cast<Ints>(x - Floats{}) & is_set);
#endif
}

// The sums of 64 rows stay in registers while the inputs pass.
inline void masked_word(const uint64_t* words, int64_t stride, const RowId* ids, const float* values,
                        int64_t n, float* sums) {
  constexpr int64_t kParts = 64 / kLanes;
  Floats totals[kParts] = {};
  for (int64_t k = 0; k < n; ++k) {
    const uint64_t word = words[ids[k] * stride];
    for (int64_t part = 0; part < kParts; ++part)
      totals[part] = add_where(static_cast<uint32_t>(word >> (part * kLanes)), values[k], totals[part]);
  }
  std::memcpy(sums, totals, sizeof totals);
}

}  // namespace

void masked_sum(Matrix<const uint64_t> words, SparseVector x, float* sums) {
  for (int64_t word = 0; word < words.cols; ++word)
    masked_word(words.data + word, words.cols, x.ids.data(), x.values.data(),
                static_cast<int64_t>(x.ids.size()), sums + word * 64);
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

}  // namespace fewfire::FEWFIRE_LEVEL
