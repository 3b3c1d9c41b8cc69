#include "network/negatives.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/rng.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "kernels/widen.h"

namespace fewfire {

void Negatives::draw(int64_t wanted, int64_t n_rows, const Draws& chances, uint64_t seed, uint64_t key) {
  const int64_t n = std::min(wanted, n_rows);
  for (const RowId row : rows_) bits_[row >> 6] = 0;
  bits_.resize(static_cast<size_t>((n_rows + 63) / 64));
  rows_.clear();
  const bool uniform = chances.empty();
  for (uint64_t draw = 0; uniform ? size() < n : static_cast<int64_t>(draw) < chances.n_draws(); ++draw) {
    const uint64_t bits = random_bits(seed, key, draw);
    const RowId row = uniform ? static_cast<RowId>(random_below(n_rows, bits)) : chances.draw(bits);
    if (contains(row)) continue;
    bits_[row >> 6] |= uint64_t{1} << (row & 63);
    rows_.push_back(row);
  }
  std::sort(rows_.begin(), rows_.end());
  stands_for_.clear();
  if (!uniform)
    for (const RowId row : rows_) stands_for_.push_back(static_cast<float>(1.0 / chances.chance(row)));
  places_.resize(bits_.size());
  for (int64_t s = size() - 1; s >= 0; --s) places_[rows_[s] >> 6] = static_cast<int32_t>(s);
}

void Negatives::make_room(int64_t n_examples, int64_t n_columns) {
  weights_.resize(static_cast<size_t>(size() * n_columns));
  bias_.resize(rows_.size());
  scores_.resize(static_cast<size_t>(n_examples * size()));
  deltas_.resize(scores_.size());
}

void Negatives::score(const Layer& layer, int64_t first, int64_t end, Matrix<const float> inputs,
                      std::vector<float>& widened) {
  const int64_t d = layer.n_columns();
  for (int64_t s = first; s < end; ++s) layer.weights.prefetch(rows_[s]);
  for (int64_t s = first; s < end; ++s) {
    const std::span<const float> row = read_row(layer.weights, rows_[s], widened);
    std::copy(row.begin(), row.end(), weights_.begin() + s * d);
    bias_[s] = layer.bias[rows_[s]];
  }
  kernels().score_block({weights_.data(), size(), d}, bias_.data(), first, end - first, inputs,
                        scores_.data() + first, size());
}

int64_t Negatives::mask(std::span<const RowId> candidates, int64_t example) {
  if (rows_.empty()) return 0;
  const std::span<float> scores = scores_of(example);
  int64_t n_left = size();
  for (const RowId row : candidates) {
    if (!contains(row)) continue;
    scores[static_cast<size_t>(place_of(row))] = -std::numeric_limits<float>::infinity();
    --n_left;
  }
  return n_left;
}

// Where the row is among the negatives, one of which it is.
int64_t Negatives::place_of(RowId row) const {
  const uint64_t before = (uint64_t{1} << (row & 63)) - 1;
  return places_[row >> 6] + std::popcount(bits_[row >> 6] & before);
}

}  // namespace fewfire
