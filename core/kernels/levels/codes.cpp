// Scans of bit codes, and the counting behind a cut.
#include "kernels/levels/lanes.h"

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

constexpr int64_t kWords = kLanes / 2;
using Words = uint64_t __attribute__((vector_size(kWords * sizeof(uint64_t))));

inline Words load_words(const uint64_t* from, int64_t n) {
  Words words = {};
  std::memcpy(&words, from, static_cast<size_t>(n) * sizeof(uint64_t));
  return words;
}

// Adds two numbers of one bit to `sum`, in every bit; returns the carries.
inline Words carry_save(Words& sum, Words a, Words b) {
  const Words changed = a ^ b, carry = (a & b) | (changed & sum);
  sum ^= changed;
  return carry;
}

// Adds a number of one bit, times 2^first, to the counters.
inline void ripple(Words carry, Words* planes, int64_t first, int64_t n_planes) {
  for (int64_t p = first; p < n_planes; ++p) {
    const Words next = planes[p] & carry;
    planes[p] ^= carry;
    carry = next;
  }
}

// 64 counters in each word, eight inputs at a time (Harley and Seal: Muła, Kurz & Lemire, Computer
// Journal 2018): seven full adders for eight bits.
inline void count_words(const uint64_t* words, int64_t stride, const RowId* ids, int64_t n, int64_t width,
                        Words* planes, int64_t n_planes) {
  const auto bits = [&](int64_t k) { return load_words(words + ids[k] * stride, width); };
  int64_t k = 0;
  for (; k + 8 <= n; k += 8) {
    const Words twos_a = carry_save(planes[0], bits(k), bits(k + 1));
    const Words twos_b = carry_save(planes[0], bits(k + 2), bits(k + 3));
    const Words twos_c = carry_save(planes[0], bits(k + 4), bits(k + 5));
    const Words twos_d = carry_save(planes[0], bits(k + 6), bits(k + 7));
    const Words fours_a = carry_save(planes[1], twos_a, twos_b);
    const Words fours_b = carry_save(planes[1], twos_c, twos_d);
    ripple(carry_save(planes[2], fours_a, fours_b), planes, 3, n_planes);
  }
  for (; k < n; ++k) ripple(bits(k), planes, 0, n_planes);
}

}  // namespace

void count_bits(Matrix<const uint64_t> words, std::span<const RowId> ids, Matrix<uint64_t> planes) {
  constexpr int64_t kMaxPlanes = 32;
  for (int64_t word = 0; word < words.cols; word += kWords) {
    const int64_t width = words.cols - word < kWords ? words.cols - word : kWords;
    Words counters[kMaxPlanes] = {};
    count_words(words.data + word, words.cols, ids.data(), static_cast<int64_t>(ids.size()), width, counters,
                planes.rows);
    for (int64_t p = 0; p < planes.rows; ++p)
      std::memcpy(planes.data + p * planes.cols + word, &counters[p],
                  static_cast<size_t>(width) * sizeof(uint64_t));
  }
}

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
