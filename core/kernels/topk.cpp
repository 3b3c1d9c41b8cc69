#include "kernels/topk.h"

#include <algorithm>
#include <numeric>

#include "base/rng.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"

namespace fewfire {
namespace {

// The largest bound that at least m keys reach, found bit by bit; it stops early when exactly m do.
uint32_t find_bound(std::span<const uint32_t> keys, int64_t m) {
  const auto count_at_least = kernels().count_at_least;
  uint32_t bound = 0;
  for (int bit = 31; bit >= 0; --bit) {
    const uint32_t higher = bound | uint32_t{1} << bit;
    const int64_t reached = count_at_least(keys.data(), static_cast<int64_t>(keys.size()), higher);
    if (reached < m) continue;
    bound = higher;
    if (reached == m) break;
  }
  return bound;
}

// Leaves the positions that reach the bound, ascending: m, or more if some equal it. Returns the bound.
uint32_t cut_at_bound(std::span<const float> scores, int64_t m, Cut& cut, std::vector<RowId>& positions) {
  const int64_t n = static_cast<int64_t>(scores.size());
  positions.resize(static_cast<size_t>(n));
  cut.keys.resize(static_cast<size_t>(n));
  kernels().order_keys(scores.data(), n, cut.keys.data());
  const uint32_t bound = n > m ? find_bound(cut.keys, m) : 0;
  int64_t n_found = 0;
  for (int64_t i = 0; i < n; ++i) {
    positions[n_found] = static_cast<RowId>(i);
    n_found += cut.keys[i] >= bound;
  }
  positions.resize(static_cast<size_t>(n_found));
  return bound;
}

}  // namespace

void largest_in_order(std::span<const float> scores, int64_t m, Cut& cut, std::vector<RowId>& positions) {
  const uint32_t bound = cut_at_bound(scores, m, cut, positions);
  int64_t n_surplus = static_cast<int64_t>(positions.size()) - m;  // the last of those that equal the bound
  for (size_t i = positions.size(); n_surplus > 0 && i-- > 0;)
    if (cut.keys[positions[i]] == bound) positions[i] = -1, --n_surplus;
  std::erase(positions, RowId{-1});
  std::sort(positions.begin(), positions.end(),
            [&](RowId a, RowId b) { return cut.keys[a] != cut.keys[b] ? cut.keys[a] > cut.keys[b] : a < b; });
}

void largest(std::span<const float> scores, int64_t m, uint64_t key, Cut& cut,
             std::vector<RowId>& positions) {
  const int64_t n = static_cast<int64_t>(scores.size());
  if (n <= m) {
    positions.resize(static_cast<size_t>(n));
    std::iota(positions.begin(), positions.end(), 0);
    return;
  }
  const uint32_t bound = cut_at_bound(scores, m, cut, positions);
  const int64_t n_found = static_cast<int64_t>(positions.size());
  if (n_found == m) return;

  // More than m reach the bound, so those that equal it are one too many or more: lots are drawn.
  cut.ties.clear();
  for (const RowId i : positions)
    if (cut.keys[i] == bound) cut.ties.push_back(i);
  const int64_t n_ties = static_cast<int64_t>(cut.ties.size()), n_losers = n_found - m;
  for (int64_t i = 0; i < n_losers; ++i) {
    const int64_t j =
        i + random_below(n_ties - i, random_bits(key, static_cast<uint64_t>(n), static_cast<uint64_t>(i)));
    std::swap(cut.ties[i], cut.ties[j]);
  }
  const auto losers = std::span(cut.ties).first(static_cast<size_t>(n_losers));
  std::sort(losers.begin(), losers.end());
  std::erase_if(positions, [&](RowId i) { return std::binary_search(losers.begin(), losers.end(), i); });
}

}  // namespace fewfire
