// Where examples come from: rows of a dense array, whose zeros are skipped on the way, or of a CSR. And what
// they should give.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"

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
  // All values of example i, as many as there are columns.
  virtual void copy_row(int64_t i, std::span<float> values) const {
    RowBuffer buffer;
    const SparseVector x = row(i, buffer);
    std::ranges::fill(values, 0.0f);
    for (int64_t k = 0; k < x.size(); ++k) values[x.ids[k]] = x.values[k];
  }
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
  void copy_row(int64_t i, std::span<float> values) const override {
    std::ranges::copy(X_.row(i), values.begin());
  }

 private:
  Matrix<const float> X_;
};

// Whether a CSR is what SparseInputs wants, and holds finite values alone, none of them 0.
inline bool is_canonical(const Lists& ids, std::span<const float> values, int64_t n_columns) {
  const std::span<const int64_t> begins = ids.indptr;
  if (begins.empty() || begins.front() != 0 || !std::is_sorted(begins.begin(), begins.end()) ||
      begins.back() != static_cast<int64_t>(ids.indices.size()) || values.size() != ids.indices.size())
    return false;
  for (int64_t i = 0; i < ids.size(); ++i) {
    int64_t least = 0;
    for (const RowId id : ids[i]) {
      if (id < least || id >= n_columns) return false;
      least = int64_t{id} + 1;
    }
  }
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x) && x != 0.0f; });
}

class SparseInputs : public Inputs {
 public:
  SparseInputs(const Lists& ids, std::span<const float> values, int64_t n_columns)
      : ids_(ids), values_(values), n_columns_(n_columns) {
    check_lists(ids);
    require(values.size() == ids.indices.size(), "one value per index is wanted");
    check_ascending(ids, n_columns);
  }
  int64_t n_rows() const override { return ids_.size(); }
  int64_t n_columns() const override { return n_columns_; }
  SparseVector row(int64_t i, RowBuffer&) const override {
    const std::span<const RowId> ids = ids_[i];
    return {ids, values_.subspan(ids_.indptr[i], ids.size())};
  }

 private:
  Lists ids_;
  std::span<const float> values_;
  int64_t n_columns_;
};

// What the examples should give: label ids, ascending, or a value for every row of the last layer, or, where
// nobody asks for a loss, nothing.
struct Targets {
  Targets() = default;
  explicit Targets(Matrix<const float> of_rows) : values(of_rows) {}
  explicit Targets(const Lists& of_examples) : lists(of_examples) {
    check_lists(lists);
    check_ascending(lists, std::numeric_limits<RowId>::max());
  }

  Lists lists;
  Matrix<const float> values;
  std::span<const float> weights;  // what the loss of each example counts for; empty: 1

  float weight(int64_t i) const { return weights.empty() ? 1.0f : weights[i]; }
  bool has_labels() const { return !lists.indptr.empty(); }
  bool empty() const { return !has_labels() && values.data == nullptr; }
  std::span<const RowId> labels(int64_t i) const {
    return has_labels() ? lists[i] : std::span<const RowId>{};
  }
};

}  // namespace fewfire
