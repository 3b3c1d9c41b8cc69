// Rows drawn at random, which stand for all rows that are no candidates: the same for every example of a
// micro-batch, so that they are copied side by side and multiplied as a dense block.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "network/draws.h"
#include "network/layer.h"

namespace fewfire {

class Negatives {
 public:
  // Draws distinct rows, a function of the seed and the key: min(n, n_rows) of them uniformly, or what
  // `chances` draws.
  void draw(int64_t n, int64_t n_rows, const Draws& chances, uint64_t seed, uint64_t key);
  void make_room(int64_t n_examples, int64_t n_columns);
  // Copies the rows at places first .. end - 1, and scores them for all inputs.
  void score(const Layer& layer, int64_t first, int64_t end, Matrix<const float> inputs,
             std::vector<float>& widened);
  // Takes an example's candidates out of its negatives. Returns how many negatives are left.
  int64_t mask(std::span<const RowId> candidates, int64_t example);

  int64_t size() const { return std::ssize(rows_); }
  std::span<const RowId> rows() const { return rows_; }  // ascending
  // How many rows each stands for: the inverse of the chance that it was among those drawn. Empty: all stand
  // for as many.
  std::span<const float> stands_for() const { return stands_for_; }
  bool contains(RowId row) const { return bits_[row >> 6] >> (row & 63) & 1; }
  std::span<float> scores_of(int64_t example) { return line(scores_, example); }
  std::span<float> deltas_of(int64_t example) { return line(deltas_, example); }

 private:
  int64_t place_of(RowId row) const;
  std::span<float> line(std::vector<float>& values, int64_t example) const {
    return std::span(values).subspan(static_cast<size_t>(example * size()), rows_.size());
  }

  std::vector<RowId> rows_;
  std::vector<uint64_t> bits_;         // a bit per row of the layer
  std::vector<int32_t> places_;        // of the first negative of each word with bits
  std::vector<float> weights_, bias_;  // of the negatives
  std::vector<float> stands_for_;
  std::vector<float> scores_, deltas_;  // examples x negatives
};

}  // namespace fewfire
