#include "hash/valid.h"

namespace fewfire {

void check_shape(int64_t n_columns, int64_t n_tables) {
  require(n_columns >= 1 && n_tables >= 1, "a column and a table at least are wanted");
}

void check_bits(int n_bits) { require(n_bits >= 1 && n_bits <= 24, "n_bits must be in 1 .. 24"); }

void check_rows(const Hash& hash, const Weights& weights, std::span<const float> bias) {
  require(weights.cols == hash.n_columns() && std::ssize(bias) == weights.rows,
          "the family was made for rows of another shape");
}

void check_center(const Hash& hash, std::span<const float> center) {
  require(std::ssize(center) == hash.n_columns(), "the center is as long as an input");
}

void check_layer(const Index& index, const Weights& weights) {
  require(index.fits(weights.rows, weights.cols), "the index was made for a layer of another shape");
}

void check_layer(const Index& index, const Weights& weights, std::span<const float> bias) {
  require(index.fits(weights.rows, weights.cols) && std::ssize(bias) == weights.rows,
          "the index was made for a layer of another shape");
}

void check_layer(const Index& index, const Weights& weights, std::span<const float> bias,
                 std::span<const RowId> rows) {
  check_layer(index, weights, bias);
  check_ids(rows, weights.rows, "a row is out of range");
}

}  // namespace fewfire
