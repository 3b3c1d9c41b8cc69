// Where examples come from: rows of a dense array, whose zeros are skipped on the way, or of a CSR.
#pragma once

#include <vector>

#include "base/views.h"

namespace fewfire {

struct RowBuffer {
  std::vector<RowId> ids;
  std::vector<float> values;
};

class Inputs {
 public:
  virtual ~Inputs() = default;
  virtual int64_t n_rows() const = 0;
  virtual int64_t n_columns() const = 0;
  // The non-zero values of example i; `buffer` may hold them.
  virtual SparseVector row(int64_t i, RowBuffer& buffer) const = 0;
};

class DenseInputs : public Inputs {
 public:
  explicit DenseInputs(Matrix<const float> X) : X_(X) {}
  int64_t n_rows() const override { return X_.rows; }
  int64_t n_columns() const override { return X_.cols; }
  SparseVector row(int64_t i, RowBuffer& buffer) const override {
    buffer.ids.resize(static_cast<size_t>(X_.cols));
    buffer.values.resize(static_cast<size_t>(X_.cols));
    size_t n = 0;
    for (int64_t j = 0; j < X_.cols; ++j) {
      const float value = X_.row(i)[j];
      buffer.ids[n] = static_cast<RowId>(j);
      buffer.values[n] = value;
      n += value != 0.0f;
    }
    return {std::span(buffer.ids).first(n), std::span(buffer.values).first(n)};
  }

 private:
  Matrix<const float> X_;
};

class SparseInputs : public Inputs {
 public:
  SparseInputs(std::span<const int64_t> indptr, std::span<const RowId> indices, std::span<const float> values,
               int64_t n_columns)
      : indptr_(indptr), indices_(indices), values_(values), n_columns_(n_columns) {}
  int64_t n_rows() const override { return static_cast<int64_t>(indptr_.size()) - 1; }
  int64_t n_columns() const override { return n_columns_; }
  SparseVector row(int64_t i, RowBuffer&) const override {
    const int64_t begin = indptr_[i], n = indptr_[i + 1] - begin;
    return {indices_.subspan(begin, n), values_.subspan(begin, n)};
  }

 private:
  std::span<const int64_t> indptr_;
  std::span<const RowId> indices_;
  std::span<const float> values_;
  int64_t n_columns_;
};

// What the examples should give: label ids, or a value for every row of the last layer.
struct Targets {
  std::span<const int64_t> indptr;
  std::span<const RowId> indices;
  Matrix<const float> values;

  bool empty() const { return indptr.empty() && values.data == nullptr; }
  std::span<const RowId> labels(int64_t i) const {
    return indptr.empty() ? std::span<const RowId>{} : indices.subspan(indptr[i], indptr[i + 1] - indptr[i]);
  }
};

}  // namespace fewfire
