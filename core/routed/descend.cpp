#include "routed/descend.h"

#include <algorithm>

#include "kernels.h"
#include "simd.h"

namespace fewfire {

void keep_best(std::vector<Candidate>& candidates, int64_t n) {
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.path != b.path ? a.path > b.path : a.child < b.child;
  };
  if (n < static_cast<int64_t>(candidates.size())) {
    std::partial_sort(candidates.begin(), candidates.begin() + n, candidates.end(), better);
    candidates.resize(static_cast<size_t>(n));
  } else {
    std::sort(candidates.begin(), candidates.end(), better);
  }
}

void Rows::start(const Level& level, std::span<const Opened> visits, std::span<const RowId> ids) {
  n_ids_ = ids.size();
  rows_.resize(visits.size() * n_ids_);
  for (const Opened& visit : visits) prefetch_tables(level, visit.node, ids);
  for (size_t i = 0; i < visits.size(); ++i) {
    const int64_t node = visits[i].node;
    find_rows(level, node, ids, rows_.data() + i * n_ids_);
    const Matrix<float> block = level.block(node);
    for (const RowId row : of(i))
      for (int64_t j = 0; j < block.cols; j += kColumns)
        __builtin_prefetch(block.data + row * block.cols + j);
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
