#include "hash/shortcut.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "base/rng.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"

namespace fewfire {
namespace {

constexpr int kRounds = 5;
constexpr float kNothing = -std::numeric_limits<float>::infinity();
constexpr int64_t kBlock = 8;  // vectors that stay in the first cache while all means pass by

}  // namespace

// k-means. A group that loses all its members keeps its mean: it costs one product.
// Multiplications: in each round the means' norms and all products and their scales, and but in the last the
// means.
int64_t Shortcut::build(Matrix<const float> centroids, bool spherical, uint64_t seed, Pool& pool) {
  spherical_ = spherical;
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
  scales_.assign(static_cast<size_t>(n_groups), 1.0f);
  offsets_.assign(static_cast<size_t>(n_groups), 0.0f);
  for (int round = 0; round < kRounds; ++round) {
    finish();
    assign(centroids, groups, pool);
    if (round + 1 < kRounds) move(centroids, groups);
  }
  sort(centroids, groups);
  return kRounds * n_groups * (width_ + n * (width_ + spherical)) + (kRounds - 1) * n_groups * width_;
}

// After the means have moved.
void Shortcut::finish() {
  for (int64_t g = 0; g < n_groups(); ++g) {
    const float norm = kernels().sum_of_squares(means_.data() + g * width_, width_);
    if (spherical_)
      scales_[g] = norm > 0.0f ? 1.0f / std::sqrt(norm) : 0.0f;
    else
      offsets_[g] = -0.5f * norm;
  }
}

void Shortcut::assign(Matrix<const float> centroids, std::vector<int32_t>& groups, Pool& pool) const {
  std::vector<std::vector<float>> products(static_cast<size_t>(pool.size()));
  pool.parallel_blocks(centroids.rows, kBlock, 4, [&](int64_t first, int64_t end, int thread) {
    std::vector<float>& own = products[thread];
    own.resize(static_cast<size_t>(kBlock * n_groups()));
    kernels().score_block({means_.data(), n_groups(), width_}, offsets_.data(), 0, n_groups(),
                          {centroids.row(first).data(), end - first, width_}, own.data(), n_groups());
    for (int64_t i = first; i < end; ++i) {
      float best = kNothing;
      groups[i] = 0;
      for (int64_t g = 0; g < n_groups(); ++g) {
        const float score = own[(i - first) * n_groups() + g] * scales_[g];
        if (score > best) best = score, groups[i] = static_cast<int32_t>(g);
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

// Of centroids that are equal only the first is kept: it would win against the others. There are thousands
// of those where most rows were never trained.
void Shortcut::sort(Matrix<const float> centroids, std::span<const int32_t> groups) {
  std::unordered_map<uint64_t, RowId> seen;
  cells_.clear();
  std::fill(begins_.begin(), begins_.end(), 0);
  for (int64_t i = 0; i < centroids.rows; ++i) {
    const std::span<const float> own = centroids.row(i);
    const auto [at, is_new] = seen.try_emplace(content_key(own), static_cast<RowId>(i));
    if (!is_new && std::equal(own.begin(), own.end(), centroids.row(at->second).begin())) continue;
    cells_.push_back(static_cast<RowId>(i));
    ++begins_[groups[i] + 1];
  }
  std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
  std::stable_sort(cells_.begin(), cells_.end(), [&](RowId a, RowId b) { return groups[a] < groups[b]; });
  vectors_.clear();
  for (const RowId cell : cells_)
    vectors_.insert(vectors_.end(), centroids.row(cell).begin(), centroids.row(cell).end());
}

void Shortcut::choose_groups(Matrix<const float> vectors, Scratch& scratch) const {
  const int64_t n = n_groups(), n_chosen = std::min(n, std::max<int64_t>(2, 2 * n / kShare));
  scratch.of_groups.resize(static_cast<size_t>(vectors.rows * n));
  kernels().score_block({means_.data(), n, width_}, offsets_.data(), 0, n, vectors, scratch.of_groups.data(),
                        n);
  scratch.visits.items.clear();
  scratch.order.resize(static_cast<size_t>(n));
  for (int64_t i = 0; i < vectors.rows; ++i) {
    float* scores = scratch.of_groups.data() + i * n;
    for (int64_t g = 0; g < n; ++g) {
      scores[g] *= scales_[g];
      if (std::isnan(scores[g])) scores[g] = kNothing;
    }
    std::iota(scratch.order.begin(), scratch.order.end(), 0);
    std::partial_sort(
        scratch.order.begin(), scratch.order.begin() + n_chosen, scratch.order.end(),
        [&](RowId a, RowId b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
    int64_t n_left = std::max<int64_t>(1, static_cast<int64_t>(cells_.size()) / kShare);
    for (int64_t k = 0; k < n_chosen && n_left > 0; ++k) {
      const RowId group = scratch.order[k];
      scratch.visits.items.push_back({group, static_cast<int32_t>(i)});
      n_left -= begins_[group + 1] - begins_[group];
    }
  }
  scratch.visits.sort(n);
}

int64_t Shortcut::nearest(Matrix<const float> vectors, std::span<const float> scales,
                          std::span<const float> offsets, Scratch& scratch, uint32_t* codes,
                          float* scores) const {
  std::fill_n(codes, vectors.rows, 0u);
  std::fill_n(scores, vectors.rows, kNothing);
  choose_groups(vectors, scratch);
  const Matrix<const float> sorted{vectors_.data(), static_cast<int64_t>(cells_.size()), width_};
  int64_t n_products = vectors.rows * n_groups();
  for (int64_t i = 0; i < scratch.visits.size(); ++i) {
    const std::span<const Visit> visits = scratch.visits.group(i);
    const int64_t begin = begins_[visits[0].row], n = begins_[visits[0].row + 1] - begin;
    scratch.products.resize(static_cast<size_t>(n));
    n_products += n * static_cast<int64_t>(visits.size());
    for (const Visit& visit : visits) {
      kernels().score_dense(sorted, nullptr, nullptr, begin, n, vectors.row(visit.vector).data(),
                            scratch.products.data());
      uint32_t& code = codes[visit.vector];
      float& best = scores[visit.vector];
      for (int64_t k = 0; k < n; ++k) {
        const RowId cell = cells_[begin + k];
        const float score = (scratch.products[k] + offsets[cell]) * scales[cell];
        if (score < best || (score == best && static_cast<uint32_t>(cell) > code) || std::isnan(score))
          continue;
        best = score;
        code = static_cast<uint32_t>(cell);
      }
    }
  }
  return n_products;
}

int64_t Shortcut::bytes() const { return bytes_of(means_, scales_, offsets_, vectors_, cells_, begins_); }

}  // namespace fewfire
