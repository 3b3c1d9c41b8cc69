// What the files that bind the core to Python share: arrays as views and back, and checks.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/weights.h"

namespace fewfire {

namespace nb = nanobind;

template <class T>
using Array1 = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Array2 = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Numpy = nb::ndarray<nb::numpy, T>;

template <class T>
std::span<T> view(const Array1<T>& array) {
  return {array.data(), array.size()};
}

template <class T>
Matrix<T> view(const Array2<T>& array) {
  return {array.data(), static_cast<int64_t>(array.shape(0)), static_cast<int64_t>(array.shape(1))};
}

// float32, or bfloat16 as the numbers of 16 bits that numpy has no type for.
template <class Float, class Half>
using WeightsArray = std::variant<Array2<Float>, Array2<Half>>;
using ReadWeights = WeightsArray<const float, const uint16_t>;

inline Weights view(const ReadWeights& weights) {
  if (const auto* floats = std::get_if<0>(&weights)) return view(*floats);
  const Matrix<const uint16_t> bits = view(std::get<1>(weights));
  return {reinterpret_cast<const BFloat16*>(bits.data), bits.rows, bits.cols};
}

inline LiveWeights view(const WeightsArray<float, uint16_t>& weights) {
  if (const auto* floats = std::get_if<0>(&weights)) return view(*floats);
  const Matrix<uint16_t> bits = view(std::get<1>(weights));
  return {reinterpret_cast<BFloat16*>(bits.data), bits.rows, bits.cols};
}

template <class T>
Numpy<T> to_numpy(std::vector<T>&& values, std::initializer_list<size_t> shape) {
  auto* kept = new std::vector<T>(std::move(values));
  nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return Numpy<T>(kept->data(), shape, owner);
}

template <class T>
Numpy<T> to_numpy(std::vector<T>&& values) {
  const size_t n = values.size();
  return to_numpy(std::move(values), {n});
}

template <class T>
Numpy<T> to_numpy(Matrix<const T> matrix) {
  return to_numpy(std::vector<T>(matrix.data, matrix.data + matrix.rows * matrix.cols),
                  {static_cast<size_t>(matrix.rows), static_cast<size_t>(matrix.cols)});
}

inline void require(bool condition, const char* message) {
  if (!condition) throw nb::value_error(message);
}

template <class T>
T one_of(const std::string& name, std::initializer_list<std::pair<const char*, T>> choices) {
  std::string known;
  for (const auto& [choice, value] : choices) {
    if (name == choice) return value;
    known += (known.empty() ? "" : ", ") + std::string(choice);
  }
  throw nb::value_error(("'" + name + "' is none of: " + known).c_str());
}

inline int threads_of(int n_threads) {
  require(n_threads >= 1 && n_threads <= 4096, "n_threads must be in 1 .. 4096");
  return n_threads;
}

inline void check_lists(std::span<const int64_t> indptr, size_t n_indices) {
  require(!indptr.empty() && indptr.front() == 0 && indptr.back() == static_cast<int64_t>(n_indices),
          "indptr must start at 0 and end at the number of indices");
  require(std::is_sorted(indptr.begin(), indptr.end()), "indptr must not fall");
}

inline void check_ascending(std::span<const int64_t> indptr, std::span<const RowId> indices, int64_t end) {
  for (size_t i = 0; i + 1 < indptr.size(); ++i)
    for (int64_t k = indptr[i]; k < indptr[i + 1]; ++k)
      require(indices[k] >= (k == indptr[i] ? 0 : indices[k - 1] + 1) && indices[k] < end,
              "indices of a row must ascend, without duplicates, inside the number of columns");
}

void bind_trees(nb::module_& m);
void bind_tagger(nb::module_& m);
void bind_packed(nb::module_& m);
void bind_kernels(nb::module_& m);

}  // namespace fewfire
