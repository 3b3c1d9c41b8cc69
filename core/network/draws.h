// Rows drawn with a chance each: a number of 32 bits falls into the part of the line that is the row's own.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/views.h"

namespace fewfire {

class Draws {
 public:
  Draws() = default;
  // Shares of the rows, positive, of any sum; as many draws as find `n_wanted` distinct rows on average.
  Draws(std::span<const double> shares, int64_t n_wanted) {
    const double total = std::accumulate(shares.begin(), shares.end(), 0.0);
    require(shares.empty() || (std::isfinite(total) && total > 0.0), "the shares must have a sum");
    starts_.reserve(shares.size());
    double before = 0.0;
    for (const double share : shares) {
      require(share > 0.0, "each share must be positive");
      starts_.push_back(static_cast<uint32_t>(std::min(before / total * kLine, kLine - 1.0)));
      before += share;
    }
    if (!empty()) set_number(n_wanted);
  }
  // Fixed, so that the chance of a row is known exactly; how many rows are distinct varies a little.
  int64_t n_draws() const { return n_draws_; }
  bool empty() const { return starts_.empty(); }

  RowId draw(uint64_t bits) const {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), static_cast<uint32_t>(bits >> 32));
    return static_cast<RowId>(after - starts_.begin() - 1);
  }
  // The chance that the row is among those drawn.
  double chance(RowId row) const { return -std::expm1(static_cast<double>(n_draws_) * log_missed(row)); }

 private:
  int64_t n_rows() const { return std::ssize(starts_); }
  // The logarithm of the chance that a draw is another row.
  double log_missed(RowId row) const {
    const size_t i = static_cast<size_t>(row);
    const double end = i + 1 < starts_.size() ? starts_[i + 1] : kLine;
    return std::log1p(-(end - starts_[i]) / kLine);
  }
  // The number of distinct rows that so many draws find on average is concave: Newton's steps from below.
  void set_number(int64_t n_wanted) {
    double n = static_cast<double>(n_wanted);
    double more = n_rows() > 1 ? 1.0 : 0.0;
    for (int step = 0; step < 30 && more > 1e-9 * n; ++step) {
      double found = 0.0, slope = 0.0;
      for (RowId row = 0; row < n_rows(); ++row) {
        const double log = log_missed(row), missed = std::exp(n * log);
        found += 1.0 - missed;
        slope -= log * missed;
      }
      n += more = std::max(0.0, static_cast<double>(n_wanted) - found) / slope;
    }
    n_draws_ = std::llround(std::min(n, kMostDraws * static_cast<double>(n_wanted)));
  }

  static constexpr double kLine = 4294967296.0;
  static constexpr double kMostDraws = 8.0;  // for a row that is wanted

  std::vector<uint32_t> starts_;  // ascending, from 0
  int64_t n_draws_ = 0;
};

}  // namespace fewfire
