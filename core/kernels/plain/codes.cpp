// Scans of bit codes, one bit after the other.
#include <algorithm>
#include <bit>

#include "kernels/levels/level.h"

namespace fewfire::plain {

namespace {

bool bit(Matrix<const uint64_t> words, int64_t row, int64_t i) {
  return (words.data[row * words.cols + i / 64] >> (i % 64) & 1) != 0;
}

}  // namespace

void masked_sum(Matrix<const uint64_t> words, SparseVector x, float* sums) {
  for (int64_t i = 0; i < 64 * words.cols; ++i) {
    sums[i] = 0.0f;
    for (int64_t k = 0; k < x.size(); ++k)
      if (bit(words, x.ids[k], i)) sums[i] += x.values[k];
  }
}

void count_bits(Matrix<const uint64_t> words, std::span<const RowId> ids, Matrix<uint64_t> planes) {
  std::fill_n(planes.data, planes.rows * planes.cols, uint64_t{0});
  for (int64_t i = 0; i < 64 * words.cols; ++i) {
    uint64_t count = 0;
    for (const RowId id : ids) count += bit(words, id, i) ? 1 : 0;
    for (int64_t p = 0; p < planes.rows; ++p) planes.row(p)[i / 64] |= (count >> p & 1) << (i % 64);
  }
}

void pattern_sum(Matrix<const uint64_t> bits, const RowId* rows, int64_t n, const int32_t* groups,
                 const float* sums_of_patterns, int64_t n_groups, float* sums) {
  for (int64_t r = 0; r < n; ++r) {
    sums[r] = 0.0f;
    for (int64_t g = 0; g < n_groups; ++g)
      sums[r] += sums_of_patterns[16 * g + (bits.row(rows[r])[groups[g] / 16] >> (groups[g] % 16 * 4) & 15)];
  }
}

void hamming(Matrix<const uint64_t> bits, const RowId* rows, int64_t n, const uint64_t* words,
             float* distances) {
  for (int64_t r = 0; r < n; ++r) {
    int64_t distance = 0;
    for (int64_t w = 0; w < bits.cols; ++w) distance += std::popcount(bits.row(rows[r])[w] ^ words[w]);
    distances[r] = static_cast<float>(distance);
  }
}

}  // namespace fewfire::plain
