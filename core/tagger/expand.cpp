#include "tagger/expand.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

namespace fewfire {
namespace {

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

// The rows that have each feature, as `features` lists those of a row.
Copied rows_of(const Copied& features, int64_t n_features) {
  Copied found{.indptr = std::vector<int64_t>(static_cast<size_t>(n_features) + 1),
               .indices = std::vector<RowId>(features.indices.size()),
               .values = {}};
  for (const RowId id : features.indices) ++found.indptr[id + 1];
  std::partial_sum(found.indptr.begin(), found.indptr.end(), found.indptr.begin());
  std::vector<int64_t> next(found.indptr.begin(), found.indptr.end() - 1);
  for (size_t i = 0; i + 1 < features.indptr.size(); ++i)
    for (int64_t at = features.indptr[i]; at < features.indptr[i + 1]; ++at)
      found.indices[next[features.indices[at]]++] = static_cast<RowId>(i);
  return found;
}

struct Counts {             // scratch of one thread
  std::vector<int32_t> of;  // higher features; 0 between lower ones
  std::vector<RowId> found;
};

// The features above `low` that are with it in at least `least` of `rows`, ascending.
void find_partners(const Copied& features, std::span<const RowId> rows, RowId low, int64_t least,
                   Counts& counts) {
  counts.found.clear();
  for (const RowId row : rows)
    for (int64_t at = features.indptr[row + 1]; features.indices[--at] > low;)
      if (counts.of[features.indices[at]]++ == 0) counts.found.push_back(features.indices[at]);
  const auto is_rare = [&](RowId high) { return std::exchange(counts.of[high], 0) < least; };
  std::erase_if(counts.found, is_rare);
  std::sort(counts.found.begin(), counts.found.end());
}

}  // namespace

std::span<const uint64_t> checked_pairs(std::span<const uint64_t> keys) {
  for (const uint64_t key : keys) {
    const uint64_t low = key >> 32, high = key & 0xffffffffu;
    require(low < high && high <= static_cast<uint64_t>(std::numeric_limits<RowId>::max()),
            "keys must be pairs of ascending features");
  }
  return keys;
}

KeyTable::KeyTable(std::span<const uint64_t> keys)
    : entries_(std::bit_ceil(2 * keys.size() + 1), Entry{0, -1}), size_(static_cast<int64_t>(keys.size())) {
  require(std::ranges::adjacent_find(keys, std::greater_equal{}) == keys.end(), "keys must ascend");
  for (size_t number = 0; number < keys.size(); ++number) {
    size_t at = place(keys[number]);
    while (entries_[at].number >= 0) at = (at + 1) & (entries_.size() - 1);
    entries_[at] = {keys[number], static_cast<RowId>(number)};
  }
}

size_t KeyTable::place(uint64_t key) const {
  return (key * 0x9e3779b97f4a7c15u >> 32) & (entries_.size() - 1);
}

RowId KeyTable::find(uint64_t key) const {
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
  require(most >= 1 && most <= kMostLargest && least >= 1, "most must be in 1 .. 64, least at least 1");
  const Copied features = largest_features(inputs, most, pool);
  const Copied rows = rows_of(features, inputs.n_columns());
  std::vector<std::vector<uint64_t>> keys(static_cast<size_t>(inputs.n_columns()));  // by the lower feature
  std::vector<Counts> counts(static_cast<size_t>(pool.size()));
  for (Counts& own : counts) own.of.assign(keys.size(), 0);
  pool.parallel_for(inputs.n_columns(), 16, [&](int64_t low, int thread) {
    const std::span<const RowId> own =
        std::span(rows.indices)
            .subspan(static_cast<size_t>(rows.indptr[low]),
                     static_cast<size_t>(rows.indptr[low + 1] - rows.indptr[low]));
    find_partners(features, own, static_cast<RowId>(low), least, counts[thread]);
    for (const RowId high : counts[thread].found)
      keys[low].push_back(pair_key(static_cast<RowId>(low), high));
  });
  std::vector<uint64_t> all;
  for (const std::vector<uint64_t>& own : keys) all.insert(all.end(), own.begin(), own.end());
  return all;
}

Expansion checked(Expansion expansion) {
  require(expansion.power > 0.0f && expansion.pair_scale > 0.0f, "power and pair_scale must be above 0");
  require(expansion.largest >= 1 && expansion.largest <= kMostLargest, "largest must be in 1 .. 64");
  return expansion;
}

Expanded::Expanded(const Inputs& source, const Expansion& expansion)
    : source_(source), expansion_(expansion) {
  require(expansion.width(source.n_columns()) <= std::numeric_limits<RowId>::max(),
          "too many features and pairs");
}

SparseVector Expanded::row(int64_t i, RowBuffer& buffer) const {
  RowBuffer own;
  renumber(source_.row(i, own), buffer);
  float largest = 0.0f;
  for (const float value : buffer.values) largest = std::max(largest, std::abs(value));
  const int exponent = largest > 0.0f ? std::ilogb(largest) : 0;  // so that no power leaves the range
  for (float& value : buffer.values) value = power_of(std::scalbn(value, -exponent), expansion_.power);
  scale_to_unit(buffer.values);
  if (expansion_.pairs.size() > 0) add_pairs(buffer);
  return {buffer.ids, buffer.values};
}

void Expanded::renumber(SparseVector x, RowBuffer& buffer) const {
  buffer.ids.assign(x.ids.begin(), x.ids.end());
  buffer.values.assign(x.values.begin(), x.values.end());
  if (expansion_.features.size() == 0) return;
  size_t n = 0;
  for (size_t k = 0; k < buffer.ids.size(); ++k) {
    const RowId number = expansion_.features.find(static_cast<uint64_t>(buffer.ids[k]));
    if (number < 0) continue;
    buffer.ids[n] = number;
    buffer.values[n++] = buffer.values[k];
  }
  buffer.ids.resize(n);
  buffer.values.resize(n);
}

void Expanded::add_pairs(RowBuffer& buffer) const {
  std::vector<int32_t> places;
  find_largest(buffer.values, expansion_.largest, places);
  const auto key = [&](size_t a, size_t b) { return pair_key(buffer.ids[places[a]], buffer.ids[places[b]]); };
  for (size_t a = 0; a < places.size(); ++a)
    for (size_t b = a + 1; b < places.size(); ++b) expansion_.pairs.prefetch(key(a, b));
  const RowId first = static_cast<RowId>(expansion_.n_read(source_.n_columns()));
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

std::vector<int64_t> count_values(const Inputs& inputs, Pool& pool) {
  std::vector<int64_t> counts(static_cast<size_t>(inputs.n_rows()) + 1);
  std::vector<RowBuffer> buffers(static_cast<size_t>(pool.size()));
  pool.parallel_for(inputs.n_rows(), 64,
                    [&](int64_t i, int thread) { counts[i + 1] = inputs.row(i, buffers[thread]).size(); });
  std::partial_sum(counts.begin(), counts.end(), counts.begin());
  return counts;
}

Copied copy_rows(const Inputs& inputs, Pool& pool) {
  Copied copy{.indptr = count_values(inputs, pool), .indices = {}, .values = {}};
  std::vector<RowBuffer> buffers(static_cast<size_t>(pool.size()));
  copy.indices.resize(static_cast<size_t>(copy.indptr.back()));
  copy.values.resize(copy.indices.size());
  pool.parallel_for(inputs.n_rows(), 64, [&](int64_t i, int thread) {
    const SparseVector x = inputs.row(i, buffers[thread]);
    std::copy(x.ids.begin(), x.ids.end(), copy.indices.begin() + copy.indptr[i]);
    std::copy(x.values.begin(), x.values.end(), copy.values.begin() + copy.indptr[i]);
  });
  return copy;
}

}  // namespace fewfire
