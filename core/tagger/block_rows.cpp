#include "tagger/block_rows.h"

#include "kernels/dispatch.h"
#include "kernels/kernels.h"

namespace fewfire {

// Asks for what the search for the homes in a feature's table begins with.
void Rows::foresee(std::span<const uint64_t> table) const {
  constexpr size_t kLine = 64 / sizeof(uint64_t);
  if (table.size() <= 2 * kLine)
    for (size_t at = 0; at < table.size(); at += kLine) __builtin_prefetch(table.data() + at);
  else
    for (const Home& home : homes_) __builtin_prefetch(table.data() + place(table.size(), home.node));
}

void Rows::find(const Level& level, std::span<const Opened> visits, std::span<const RowId> ids) {
  constexpr size_t kAhead = 4;  // features whose tables are on their way
  n_ids_ = ids.size();
  rows_.resize(visits.size() * n_ids_);
  homes_.clear();
  for (const Opened& visit : visits)
    homes_.push_back(
        {visit.node, level.known[visit.node], level.n_shared(visit.node), level.block(visit.node)});
  for (const RowId id : ids)
    if (static_cast<size_t>(id) < level.tables.size()) __builtin_prefetch(level.tables.data() + id);
  for (size_t k = 0; k < std::min(kAhead, n_ids_); ++k) foresee(table_of(level, ids[k]));
  for (size_t k = 0; k < n_ids_; ++k) {
    if (k + kAhead < n_ids_) foresee(table_of(level, ids[k + kAhead]));
    const std::span<const uint64_t> table = table_of(level, ids[k]);
    for (size_t i = 0; i < homes_.size(); ++i) {
      const Home& home = homes_[i];
      RowId row = home.n_shared == 0 ? ids[k] : find_row(table, home.node);
      if (row < 0) row = shared_row(ids[k], home.known, home.n_shared);
      rows_[i * n_ids_ + k] = row;
      for (int64_t j = 0; j < home.block.cols; j += kColumns)
        __builtin_prefetch(home.block.data + row * home.block.cols + j);
    }
  }
}

void score_node(const Level& level, int64_t node, std::span<const RowId> rows, std::span<const float> values,
                std::vector<float>& scores) {
  const float* bias = level.bias.data() + level.columns[node];
  scores.assign(bias, bias + level.width(node));
  kernels().weighted_sum(level.block(node), rows.data(), 0, values.data(), static_cast<int64_t>(rows.size()),
                         scores.data());
}

}  // namespace fewfire
