#include "tagger/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "tagger/tree.h"

namespace fewfire {
namespace {

struct Sums {  // scratch of one thread
  explicit Sums(int64_t n_features)
      : of(static_cast<size_t>(n_features)), counts(static_cast<size_t>(n_features)) {}
  std::vector<float> of;        // features; 0 between nodes
  std::vector<int32_t> counts;  // examples that have them; 0 between nodes
  std::vector<RowId> found;     // features of the node at hand
  RowBuffer buffer;
};

void add_up(const Inputs& inputs, std::span<const RowId> examples, Sums& sums) {
  sums.found.clear();
  for (const RowId example : examples) {
    const SparseVector x = inputs.row(example, sums.buffer);
    for (int64_t k = 0; k < x.size(); ++k) {
      if (x.values[k] == 0.0f) continue;
      if (sums.counts[x.ids[k]]++ == 0) sums.found.push_back(x.ids[k]);
      sums.of[x.ids[k]] += std::abs(x.values[k]);
    }
  }
}

// Brings the features that the node may know to the front; returns how many these are.
size_t sift(Sums& sums, Worth worth) {
  const auto may_be_known = [&](RowId id) { return id < worth.first || sums.counts[id] >= worth.least; };
  return static_cast<size_t>(std::partition(sums.found.begin(), sums.found.end(), may_be_known) -
                             sums.found.begin());
}

void forget(Sums& sums) {
  for (const RowId id : sums.found) sums.of[id] = 0.0f, sums.counts[id] = 0;
}

// Calls visit(node, its sums, how many features at the front it may know) for each node.
template <typename Visit>
void for_each_node(const Inputs& inputs, const Lists& members, Worth worth, Pool& pool, Visit visit) {
  check_lists(members);
  check_ids(members.indices, inputs.n_rows(), "an example is out of range");
  std::vector<Sums> sums(static_cast<size_t>(pool.size()), Sums(inputs.n_columns()));
  pool.parallel_for(members.size(), 1, [&](int64_t node, int thread) {
    Sums& own = sums[thread];
    add_up(inputs, members[node], own);
    visit(node, own, sift(own, worth));
    forget(own);
  });
}

}  // namespace

Vocabulary collect(const Inputs& inputs, const Lists& members, Worth worth, std::span<const int64_t> most,
                   Pool& pool) {
  require(members.size() == std::ssize(most), "one limit per node is wanted");
  std::vector<std::vector<RowId>> lists(most.size());
  for_each_node(inputs, members, worth, pool, [&](int64_t node, Sums& own, size_t n_known) {
    const std::span known = std::span(own.found).first(n_known);
    std::sort(known.begin(), known.end(),
              [&](RowId a, RowId b) { return own.of[a] != own.of[b] ? own.of[a] > own.of[b] : a < b; });
    const size_t n = std::min(n_known, static_cast<size_t>(most[node]));
    lists[node].assign(known.begin(), known.begin() + static_cast<int64_t>(n));
  });
  Vocabulary all{.indptr = {0}, .features = {}};
  for (const std::vector<RowId>& list : lists) {
    all.features.insert(all.features.end(), list.begin(), list.end());
    all.indptr.push_back(static_cast<int64_t>(all.features.size()));
  }
  return all;
}

std::vector<int64_t> count_known(const Inputs& inputs, const Lists& members, Worth worth, Pool& pool) {
  std::vector<int64_t> counts(static_cast<size_t>(members.size()));
  for_each_node(inputs, members, worth, pool, [&](int64_t node, const Sums&, size_t n_known) {
    counts[node] = static_cast<int64_t>(n_known);
  });
  return counts;
}

Tables fill_tables(const Lists& features) {
  check_lists(features);
  std::vector<size_t> counts;  // of nodes that know a feature
  for (const RowId feature : features.indices) {
    require(feature >= 0, "a feature is out of range");
    if (static_cast<size_t>(feature) >= counts.size()) counts.resize(static_cast<size_t>(feature) + 1);
    ++counts[feature];
  }
  Tables tables;
  for (const size_t count : counts)
    tables.begins.push_back(tables.begins.back() +
                            static_cast<int64_t>(count == 0 ? 0 : std::bit_ceil(count + count / 2 + 1)));
  tables.entries.assign(static_cast<size_t>(tables.begins.back()), kNoEntry);
  for (int64_t node = 0; node < features.size(); ++node)
    for (uint64_t row = 0; row < features[node].size(); ++row) {
      const RowId feature = features[node][row];
      const int64_t begin = tables.begins[feature];
      const std::span<uint64_t> table =
          std::span(tables.entries)
              .subspan(static_cast<size_t>(begin), static_cast<size_t>(tables.begins[feature + 1] - begin));
      size_t at = place(table.size(), static_cast<RowId>(node));
      while (table[at] != kNoEntry) at = (at + 1) & (table.size() - 1);
      table[at] = static_cast<uint64_t>(node) << 32 | row;
    }
  return tables;
}

}  // namespace fewfire
