#include "routed/expand.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "rng.h"

namespace fewfire {
namespace {

constexpr int64_t kPartSize = int64_t{1} << 21;  // keys that a thread sorts at a time

float power_of(float x, float power) {
  if (power == 1.0f) return x;
  const float size = power == 0.5f ? std::sqrt(std::abs(x)) : std::pow(std::abs(x), power);
  return std::copysign(size, x);
}

void scale_to_unit(std::vector<float>& values) {
  double total = 0.0;
  for (const float value : values) total += static_cast<double>(value) * value;
  if (total == 0.0) return;
  const double scale = 1.0 / std::sqrt(total);
  for (float& value : values) value = static_cast<float>(value * scale);
}

// The largest features of all rows: those of row i at indices[indptr[i]], ascending.
Copied largest_features(const Inputs& inputs, int64_t most, Pool& pool) {
  const int64_t n = inputs.n_rows();
  Copied found{.indptr = std::vector<int64_t>(static_cast<size_t>(n) + 1), .indices = {}, .values = {}};
  std::vector<RowId> slots(static_cast<size_t>(n * most));
  std::vector<RowBuffer> buffers(static_cast<size_t>(pool.size()));
  std::vector<std::vector<int32_t>> places(buffers.size());
  pool.parallel_for(n, 64, [&](int64_t i, int thread) {
    const SparseVector x = inputs.row(i, buffers[thread]);
    find_largest(x.values, most, places[thread]);
    for (size_t k = 0; k < places[thread].size(); ++k)
      slots[static_cast<size_t>(i * most) + k] = x.ids[places[thread][k]];
    found.indptr[i + 1] = static_cast<int64_t>(places[thread].size());
  });
  std::partial_sum(found.indptr.begin(), found.indptr.end(), found.indptr.begin());
  for (int64_t i = 0; i < n; ++i)  // closed up in place
    std::copy_n(slots.begin() + i * most, found.indptr[i + 1] - found.indptr[i],
                slots.begin() + found.indptr[i]);
  slots.resize(static_cast<size_t>(found.indptr[n]));
  found.indices = std::move(slots);
  return found;
}

// Sorts the keys and keeps, once, those that occur `least` times.
void keep_frequent(std::vector<uint64_t>& keys, int64_t least) {
  std::sort(keys.begin(), keys.end());
  size_t n = 0;
  for (size_t begin = 0, end = 0; begin < keys.size(); begin = end) {
    while (end < keys.size() && keys[end] == keys[begin]) ++end;
    if (static_cast<int64_t>(end - begin) >= least) keys[n++] = keys[begin];
  }
  keys.resize(n);
}

}  // namespace

PairTable::PairTable(std::span<const uint64_t> keys)
    : entries_(std::bit_ceil(2 * keys.size() + 1), Entry{0, -1}), size_(static_cast<int64_t>(keys.size())) {
  for (size_t number = 0; number < keys.size(); ++number) {
    size_t at = place(keys[number]);
    while (entries_[at].number >= 0) at = (at + 1) & (entries_.size() - 1);
    entries_[at] = {keys[number], static_cast<RowId>(number)};
  }
}

size_t PairTable::place(uint64_t key) const {
  return (key * 0x9e3779b97f4a7c15u >> 32) & (entries_.size() - 1);
}

RowId PairTable::find(uint64_t key) const {
  size_t at = place(key);
  while (entries_[at].number >= 0 && entries_[at].key != key) at = (at + 1) & (entries_.size() - 1);
  return entries_[at].number;
}

void find_largest(std::span<const float> values, int64_t most, std::vector<int32_t>& places) {
  places.resize(values.size());
  std::iota(places.begin(), places.end(), 0);
  if (static_cast<int64_t>(places.size()) <= most) return;
  std::nth_element(places.begin(), places.begin() + most, places.end(), [&](int32_t a, int32_t b) {
    const float x = std::abs(values[a]), y = std::abs(values[b]);
    return x != y ? x > y : a < b;
  });
  places.resize(static_cast<size_t>(most));
  std::sort(places.begin(), places.end());
}

std::vector<uint64_t> count_pairs(const Inputs& inputs, int64_t most, int64_t least, Pool& pool) {
  const Copied rows = largest_features(inputs, most, pool);
  int64_t n_keys = 0;
  for (size_t i = 0; i + 1 < rows.indptr.size(); ++i) {
    const int64_t n = rows.indptr[i + 1] - rows.indptr[i];
    n_keys += n * (n - 1) / 2;
  }
  // Each part sorts the keys whose hash falls into it: memory is bounded by the parts at hand.
  const uint64_t n_parts = static_cast<uint64_t>(n_keys / kPartSize + pool.size());
  std::vector<std::vector<uint64_t>> parts(n_parts);
  pool.parallel_for(static_cast<int64_t>(n_parts), 1, [&](int64_t part, int) {
    std::vector<uint64_t>& keys = parts[static_cast<size_t>(part)];
    for (size_t i = 0; i + 1 < rows.indptr.size(); ++i)
      for (int64_t a = rows.indptr[i]; a < rows.indptr[i + 1]; ++a)
        for (int64_t b = a + 1; b < rows.indptr[i + 1]; ++b) {
          const uint64_t key = pair_key(rows.indices[a], rows.indices[b]);
          if (mix(key) % n_parts == static_cast<uint64_t>(part)) keys.push_back(key);
        }
    keep_frequent(keys, least);
    keys.shrink_to_fit();
  });
  std::vector<uint64_t> all;
  for (const std::vector<uint64_t>& keys : parts) all.insert(all.end(), keys.begin(), keys.end());
  std::sort(all.begin(), all.end());
  return all;
}

SparseVector Expanded::row(int64_t i, RowBuffer& buffer) const {
  RowBuffer own;
  const SparseVector x = source_.row(i, own);
  buffer.ids.assign(x.ids.begin(), x.ids.end());
  buffer.values.resize(x.values.size());
  float largest = 0.0f;
  for (const float value : x.values) largest = std::max(largest, std::abs(value));
  const int exponent = largest > 0.0f ? std::ilogb(largest) : 0;  // so that no power leaves the range
  for (size_t k = 0; k < x.values.size(); ++k)
    buffer.values[k] = power_of(std::scalbn(x.values[k], -exponent), expansion_.power);
  scale_to_unit(buffer.values);
  if (expansion_.pairs.size() > 0) add_pairs(buffer);
  return {buffer.ids, buffer.values};
}

void Expanded::add_pairs(RowBuffer& buffer) const {
  std::vector<int32_t> places;
  find_largest(buffer.values, expansion_.most, places);
  const auto key = [&](size_t a, size_t b) { return pair_key(buffer.ids[places[a]], buffer.ids[places[b]]); };
  for (size_t a = 0; a < places.size(); ++a)
    for (size_t b = a + 1; b < places.size(); ++b) expansion_.pairs.prefetch(key(a, b));
  const RowId first = static_cast<RowId>(source_.n_columns());
  for (size_t a = 0; a < places.size(); ++a)
    for (size_t b = a + 1; b < places.size(); ++b) {
      const RowId number = expansion_.pairs.find(key(a, b));
      if (number < 0) continue;
      const float product = buffer.values[places[a]] * buffer.values[places[b]];
      buffer.ids.push_back(first + number);
      buffer.values.push_back(expansion_.pair_scale *
                              std::copysign(std::sqrt(std::sqrt(std::abs(product))), product));
    }
  scale_to_unit(buffer.values);
}

Copied copy_rows(const Inputs& inputs, Pool& pool) {
  const int64_t n = inputs.n_rows();
  Copied copy{.indptr = std::vector<int64_t>(static_cast<size_t>(n) + 1), .indices = {}, .values = {}};
  std::vector<RowBuffer> buffers(static_cast<size_t>(pool.size()));
  pool.parallel_for(
      n, 64, [&](int64_t i, int thread) { copy.indptr[i + 1] = inputs.row(i, buffers[thread]).size(); });
  std::partial_sum(copy.indptr.begin(), copy.indptr.end(), copy.indptr.begin());
  copy.indices.resize(static_cast<size_t>(copy.indptr[n]));
  copy.values.resize(copy.indices.size());
  pool.parallel_for(n, 64, [&](int64_t i, int thread) {
    const SparseVector x = inputs.row(i, buffers[thread]);
    std::copy(x.ids.begin(), x.ids.end(), copy.indices.begin() + copy.indptr[i]);
    std::copy(x.values.begin(), x.values.end(), copy.values.begin() + copy.indptr[i]);
  });
  return copy;
}

}  // namespace fewfire
