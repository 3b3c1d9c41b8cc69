// Scans of bit codes, and the counting behind a cut.
#include "kernels/lanes.h"

namespace fewfire::FEWFIRE_LEVEL {

namespace {

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

}  // namespace

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

}  // namespace fewfire::FEWFIRE_LEVEL
