// Vectors (w, b) rounded to 8 bits, to be compared with a query all at once: a quarter of the memory to read,
// where reading is what takes the time. With |w| the largest size of a weight of the vector, |x| that of an
// input, and X the largest whole number for which no sum leaves 32 bits, at most 2^15 - 1, the score is
//   |w| / 127 * |x| / X * sum_j round(127 w_j / |w|) round(X x_j / |x|) + b
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/pool.h"
#include "base/views.h"

namespace fewfire {

class ByteRows {
 public:
  void assign(Matrix<const float> vectors, Pool& pool);
  void clear() { rows_.clear(), scales_.clear(), bias_.clear(); }
  void score(SparseVector x, std::vector<int16_t>& rounded, std::span<float> scores) const;
  int64_t bytes() const { return bytes_of(rows_, scales_, bias_); }

 private:
  int64_t width_ = 0;  // n_columns, and zeros up to a multiple of 32
  std::vector<int8_t> rows_;
  std::vector<float> scales_, bias_;
};

}  // namespace fewfire
