// Borrowed views of memory that numpy or a std::vector owns. A view never allocates, copies or frees.
#pragma once

#include <cstdint>
#include <span>

namespace fewfire {

using RowId = int32_t;

template <class T>
struct Matrix {  // row-major
  T* data = nullptr;
  int64_t rows = 0, cols = 0;
  std::span<T> row(int64_t i) const { return {data + i * cols, static_cast<size_t>(cols)}; }
  operator Matrix<const T>() const { return {data, rows, cols}; }

  // Asks memory for a row that will be needed soon.
  void prefetch(int64_t i) const {
    constexpr int64_t kLine = 64 / sizeof(T);  // numbers that memory brings at a time
    for (int64_t j = 0; j < cols; j += kLine) __builtin_prefetch(data + i * cols + j);
  }
};

// Of the elements of some vectors.
template <class... Vectors>
int64_t bytes_of(const Vectors&... vectors) {
  return (int64_t{0} + ... + static_cast<int64_t>(vectors.size() * sizeof(typename Vectors::value_type)));
}

// The non-zero coordinates of one vector: ids ascending and distinct, a value for each.
struct SparseVector {
  std::span<const RowId> ids;
  std::span<const float> values;
  int64_t size() const { return static_cast<int64_t>(ids.size()); }
};

// Lists of ids, one after the other: labels of examples, examples of labels, members of nodes.
struct Lists {
  std::span<const int64_t> indptr;  // (n + 1) begin of each list in the indices, and the end of the last
  std::span<const RowId> indices;

  int64_t size() const { return static_cast<int64_t>(indptr.size()) - 1; }
  std::span<const RowId> operator[](int64_t i) const {
    return indices.subspan(indptr[i], indptr[i + 1] - indptr[i]);
  }
};

}  // namespace fewfire
