#include "hash/shortcut.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels.h"
#include "rng.h"
#include "simd.h"

namespace fewfire {
namespace {

constexpr int kRounds = 5;
constexpr int64_t kBlock = 8;  // vectors that stay in the first cache while all means pass by

}  // namespace

// k-means by directions. A group that loses all its members keeps its mean: it costs one product.
// Multiplications: in each round the means' norms and all cosines, and but in the last the means.
int64_t Shortcut::build(Matrix<const float> centroids, uint64_t seed, Pool& pool) {
  const int64_t n = centroids.rows;
  width_ = centroids.cols;
  const int64_t n_groups = static_cast<int64_t>(std::sqrt(static_cast<double>(n)));
  begins_.assign(static_cast<size_t>(n_groups + 1), 0);
  means_.clear();
  const uint64_t shift = random_bits(seed, 0, 0);
  for (int64_t g = 0; g < n_groups; ++g) {
    const int64_t drawn = (g * n / n_groups + random_below(n, shift)) % n;
    means_.insert(means_.end(), centroids.row(drawn).begin(), centroids.row(drawn).end());
  }
  std::vector<int32_t> groups(static_cast<size_t>(n));
  inverse_norms_.assign(static_cast<size_t>(n_groups), 0.0f);
  for (int round = 0; round < kRounds; ++round) {
    for (int64_t g = 0; g < n_groups; ++g) {
      const float norm = kernels().sum_of_squares(means_.data() + g * width_, width_);
      inverse_norms_[g] = norm > 0.0f ? 1.0f / std::sqrt(norm) : 0.0f;
    }
    assign(centroids, groups, pool);
    if (round + 1 < kRounds) move(centroids, groups);
  }
  sort(centroids, groups);
  return kRounds * n_groups * (width_ + n * (width_ + 1)) + (kRounds - 1) * n_groups * width_;
}

void Shortcut::assign(Matrix<const float> centroids, std::vector<int32_t>& groups, Pool& pool) const {
  const std::vector<float> no_bias(static_cast<size_t>(n_groups()), 0.0f);
  std::vector<std::vector<float>> products(static_cast<size_t>(pool.size()));
  pool.parallel_blocks(centroids.rows, kBlock, 4, [&](int64_t first, int64_t end, int thread) {
    std::vector<float>& own = products[thread];
    own.resize(static_cast<size_t>(kBlock * n_groups()));
    kernels().score_block({means_.data(), n_groups(), width_}, no_bias.data(), 0, n_groups(),
                          {centroids.row(first).data(), end - first, width_}, own.data(), n_groups());
    for (int64_t i = first; i < end; ++i) {
      float best = -std::numeric_limits<float>::infinity();
      groups[i] = 0;
      for (int64_t g = 0; g < n_groups(); ++g) {
        const float cosine = own[(i - first) * n_groups() + g] * inverse_norms_[g];
        if (cosine > best) best = cosine, groups[i] = static_cast<int32_t>(g);
      }
    }
  });
}

void Shortcut::move(Matrix<const float> centroids, std::span<const int32_t> groups) {
  std::vector<int64_t> sizes(static_cast<size_t>(n_groups()));
  std::vector<float> sums(means_.size());
  for (int64_t i = 0; i < centroids.rows; ++i) {
    ++sizes[groups[i]];
    float* to = sums.data() + groups[i] * width_;
    for (int64_t j = 0; j < width_; ++j) to[j] += centroids.row(i)[j];
  }
  for (int64_t g = 0; g < n_groups(); ++g)
    for (int64_t j = 0; sizes[g] > 0 && j < width_; ++j)
      means_[g * width_ + j] = sums[g * width_ + j] / static_cast<float>(sizes[g]);
}

void Shortcut::sort(Matrix<const float> centroids, std::span<const int32_t> groups) {
  cells_.resize(static_cast<size_t>(centroids.rows));
  std::iota(cells_.begin(), cells_.end(), 0);
  std::stable_sort(cells_.begin(), cells_.end(), [&](RowId a, RowId b) { return groups[a] < groups[b]; });
  std::fill(begins_.begin(), begins_.end(), 0);
  for (const int32_t group : groups) ++begins_[group + 1];
  std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
  vectors_.clear();
  for (const RowId cell : cells_)
    vectors_.insert(vectors_.end(), centroids.row(cell).begin(), centroids.row(cell).end());
}

int64_t Shortcut::find(std::span<const float> v, int64_t at_least, Found& found) const {
  const int64_t n = n_groups();
  found.of_groups.resize(static_cast<size_t>(n));
  kernels().score_dense({means_.data(), n, width_}, nullptr, nullptr, 0, n, v.data(), found.of_groups.data());
  for (int64_t g = 0; g < n; ++g) {
    found.of_groups[g] *= inverse_norms_[g];
    if (std::isnan(found.of_groups[g])) found.of_groups[g] = -std::numeric_limits<float>::infinity();
  }
  found.groups.resize(static_cast<size_t>(n));
  std::iota(found.groups.begin(), found.groups.end(), 0);
  std::sort(found.groups.begin(), found.groups.end(), [&](RowId a, RowId b) {
    const float x = found.of_groups[a], y = found.of_groups[b];
    return x != y ? x > y : a < b;
  });
  found.cells.clear();
  found.products.clear();
  for (const RowId group : found.groups) {
    const int64_t begin = begins_[group], size = begins_[group + 1] - begin;
    const size_t done = found.products.size();
    found.products.resize(done + static_cast<size_t>(size));
    kernels().score_dense({vectors_.data(), static_cast<int64_t>(cells_.size()), width_}, nullptr, nullptr,
                          begin, size, v.data(), found.products.data() + done);
    found.cells.insert(found.cells.end(), cells_.begin() + begin, cells_.begin() + begin + size);
    if (static_cast<int64_t>(found.cells.size()) >= at_least) break;
  }
  return n + static_cast<int64_t>(found.cells.size());
}

}  // namespace fewfire
