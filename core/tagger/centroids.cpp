#include "tagger/centroids.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace fewfire {
namespace {

struct Sums {  // scratch of one thread
  explicit Sums(int64_t n_features)
      : of(static_cast<size_t>(n_features)), is_found(static_cast<size_t>(n_features)) {}
  std::vector<float> of;       // features; 0 between lists
  std::vector<char> is_found;  // a sum may be 0
  std::vector<RowId> found;
  RowBuffer buffer;
};

void add_up(const Inputs& inputs, std::span<const RowId> examples, Sums& sums) {
  sums.found.clear();
  for (const RowId example : examples) {
    const SparseVector x = inputs.row(example, sums.buffer);
    for (int64_t k = 0; k < x.size(); ++k) {
      if (!std::exchange(sums.is_found[x.ids[k]], 1)) sums.found.push_back(x.ids[k]);
      sums.of[x.ids[k]] += x.values[k];
    }
  }
}

void forget(Sums& sums) {
  for (const RowId id : sums.found) sums.of[id] = 0.0f, sums.is_found[id] = 0;
}

std::vector<Sums> scratch(const Inputs& inputs, const Pool& pool) {
  return std::vector<Sums>(static_cast<size_t>(pool.size()), Sums(inputs.n_columns()));
}

void scale_to_unit(std::span<float> values) {
  double total = 0.0;
  for (const float value : values) total += static_cast<double>(value) * value;
  if (total == 0.0) return;
  const double norm = std::sqrt(total);
  for (float& value : values) value = static_cast<float>(value / norm);
}

void check_lists_of(const Inputs& inputs, const Lists& lists) {
  check_lists(lists);
  check_ids(lists.indices, inputs.n_rows(), "an example is out of range");
}

std::vector<int64_t> count(const Inputs& inputs, const Lists& lists, Pool& pool) {
  std::vector<int64_t> counts(lists.indptr.size());
  std::vector<Sums> sums = scratch(inputs, pool);
  pool.parallel_for(static_cast<int64_t>(counts.size()) - 1, 16, [&](int64_t i, int thread) {
    add_up(inputs, lists[i], sums[thread]);
    counts[i + 1] = static_cast<int64_t>(sums[thread].found.size());
    forget(sums[thread]);
  });
  std::partial_sum(counts.begin(), counts.end(), counts.begin());
  return counts;
}

}  // namespace

std::vector<int64_t> count_features(const Inputs& inputs, const Lists& lists, Pool& pool) {
  check_lists_of(inputs, lists);
  return count(inputs, lists, pool);
}

Copied centroids(const Inputs& inputs, const Lists& lists, Pool& pool) {
  check_lists_of(inputs, lists);
  Copied rows{.indptr = count(inputs, lists, pool), .indices = {}, .values = {}};
  rows.indices.resize(static_cast<size_t>(rows.indptr.back()));
  rows.values.resize(rows.indices.size());
  std::vector<Sums> sums = scratch(inputs, pool);
  pool.parallel_for(static_cast<int64_t>(rows.indptr.size()) - 1, 16, [&](int64_t i, int thread) {
    Sums& own = sums[thread];
    add_up(inputs, lists[i], own);
    std::sort(own.found.begin(), own.found.end());
    float* values = rows.values.data() + rows.indptr[i];
    std::copy(own.found.begin(), own.found.end(), rows.indices.begin() + rows.indptr[i]);
    for (size_t k = 0; k < own.found.size(); ++k) values[k] = own.of[own.found[k]];
    scale_to_unit({values, own.found.size()});
    forget(own);
  });
  return rows;
}

}  // namespace fewfire
