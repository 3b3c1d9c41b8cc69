// What the bindings share. Each translates arguments and results and nothing else: arrays as views and back,
// words as values, and the core's work without the interpreter's lock. What is wrong with the data, the core
// says itself (base/check.h); std::invalid_argument is Python's ValueError. Arrays are borrowed: numpy owns
// the memory that the core reads and changes.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/ledger.h"
#include "base/pool.h"
#include "base/weights.h"

namespace fewfire {

namespace nb = nanobind;
using namespace nb::literals;

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

template <class T>
std::vector<Numpy<T>> to_numpy(std::vector<std::vector<T>>&& lists) {
  std::vector<Numpy<T>> arrays;
  for (std::vector<T>& list : lists) arrays.push_back(to_numpy(std::move(list)));
  return arrays;
}

// A line of counts each: (n, n_fields).
inline Numpy<int64_t> ledger_of(const std::vector<Ledger>& ledgers) {
  std::vector<int64_t> counts;
  for (const Ledger& ledger : ledgers) {
    const auto values = ledger.values();
    counts.insert(counts.end(), values.begin(), values.end());
  }
  return to_numpy(std::move(counts), {ledgers.size(), Ledger::kFields.size()});
}

inline Numpy<int64_t> ledger_of(const Ledger& ledger) { return ledger_of(std::vector{ledger}); }

// work(), while other threads of the interpreter run.
template <class Work>
auto unlocked(Work&& work) {
  nb::gil_scoped_release released;
  return work();
}

// work(pool), likewise.
template <class Work>
auto unlocked(int n_threads, Work&& work) {
  nb::gil_scoped_release released;
  Pool pool(n_threads);
  return work(pool);
}

void bind_data(nb::module_& m);
void bind_hashes(nb::module_& m);
void bind_indexes(nb::module_& m);
void bind_gates(nb::module_& m);
void bind_network(nb::module_& m);
void bind_stepper(nb::module_& m);
void bind_answers(nb::module_& m);
void bind_text(nb::module_& m);
void bind_trees(nb::module_& m);
void bind_packed(nb::module_& m);
void bind_kernels(nb::module_& m);
void bind_features(nb::module_& m);
void bind_windows(nb::module_& m);

}  // namespace fewfire
