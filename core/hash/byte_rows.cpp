#include "hash/byte_rows.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/dispatch.h"
#include "kernels/kernels.h"

namespace fewfire {
namespace {

constexpr float kLargest = 127.0f;  // of a rounded weight
constexpr int64_t kMultiple = 32;   // of a width, for the kernel

float largest_size(std::span<const float> values) {
  float largest = 0.0f;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

// A whole number within -limit .. limit, also for what is not finite.
template <class Whole>
Whole rounded_to(float value, float limit) {
  return static_cast<Whole>(std::lrint(std::fmax(-limit, std::fmin(limit, value))));
}

}  // namespace

void ByteRows::assign(Matrix<const float> vectors, Pool& pool) {
  const int64_t n_columns = vectors.cols - 1;
  width_ = (n_columns + kMultiple - 1) / kMultiple * kMultiple;
  rows_.assign(static_cast<size_t>(vectors.rows * width_), 0);
  scales_.resize(static_cast<size_t>(vectors.rows));
  bias_.resize(scales_.size());
  pool.parallel_for(vectors.rows, 64, [&](int64_t i, int) {
    const std::span<const float> weights = vectors.row(i).first(static_cast<size_t>(n_columns));
    const float largest = largest_size(weights), inverse = largest > 0.0f ? kLargest / largest : 0.0f;
    for (int64_t j = 0; j < n_columns; ++j)
      rows_[i * width_ + j] = rounded_to<int8_t>(weights[j] * inverse, kLargest);
    scales_[i] = largest / kLargest;
    bias_[i] = vectors.row(i).back();
  });
}

void ByteRows::score(SparseVector x, std::vector<int16_t>& rounded, std::span<float> scores) const {
  const int64_t limit = INT32_MAX / (static_cast<int64_t>(kLargest) * std::max<int64_t>(width_, 1));
  const float largest = largest_size(x.values);
  const float most = static_cast<float>(std::min<int64_t>(INT16_MAX, limit));
  const float inverse = largest > 0.0f ? most / largest : 0.0f;
  rounded.assign(static_cast<size_t>(width_), 0);
  for (int64_t k = 0; k < x.size(); ++k) rounded[x.ids[k]] = rounded_to<int16_t>(x.values[k] * inverse, most);
  kernels().score_bytes({rows_.data(), static_cast<int64_t>(scales_.size()), width_}, scales_.data(),
                        bias_.data(), rounded.data(), largest / most, scores.data());
}

}  // namespace fewfire
