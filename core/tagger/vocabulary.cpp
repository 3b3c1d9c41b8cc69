#include "tagger/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "tagger/tree.h"

namespace fewfire {
namespace {

struct Sums {                // scratch of one thread
  std::vector<float> of;     // features; 0 between nodes
  std::vector<RowId> found;  // features of the node at hand
};

void add_up(const Inputs& inputs, std::span<const RowId> examples, RowBuffer& buffer, Sums& sums) {
  for (const RowId example : examples) {
    const SparseVector x = inputs.row(example, buffer);
    for (int64_t k = 0; k < x.size(); ++k) {
      if (x.values[k] == 0.0f) continue;
      float& sum = sums.of[x.ids[k]];
      if (sum == 0.0f) sums.found.push_back(x.ids[k]);
      sum += std::abs(x.values[k]);
    }
  }
}

}  // namespace

Vocabulary collect(const Inputs& inputs, const Lists& members, std::span<const int64_t> most, Pool& pool) {
  check_lists(members);
  require(members.size() == std::ssize(most), "one limit per node is wanted");
  check_ids(members.indices, inputs.n_rows(), "an example is out of range");
  const int64_t n_nodes = static_cast<int64_t>(most.size());
  std::vector<std::vector<RowId>> lists(most.size());
  std::vector<Sums> sums(static_cast<size_t>(pool.size()));
  std::vector<RowBuffer> buffers(sums.size());
  for (Sums& own : sums) own.of.assign(static_cast<size_t>(inputs.n_columns()), 0.0f);
  pool.parallel_for(n_nodes, 1, [&](int64_t node, int thread) {
    Sums& own = sums[thread];
    own.found.clear();
    add_up(inputs, members[node], buffers[thread], own);
    std::sort(own.found.begin(), own.found.end(),
              [&](RowId a, RowId b) { return own.of[a] != own.of[b] ? own.of[a] > own.of[b] : a < b; });
    for (const RowId id : own.found) own.of[id] = 0.0f;
    const size_t n = std::min(own.found.size(), static_cast<size_t>(most[node]));
    lists[node].assign(own.found.begin(), own.found.begin() + static_cast<int64_t>(n));
  });
  Vocabulary all{.indptr = {0}, .features = {}};
  for (const std::vector<RowId>& list : lists) {
    all.features.insert(all.features.end(), list.begin(), list.end());
    all.indptr.push_back(static_cast<int64_t>(all.features.size()));
  }
  return all;
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
