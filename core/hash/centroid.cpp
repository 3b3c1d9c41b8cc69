#include "hash/centroid.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/rng.h"
#include "hash/valid.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "kernels/topk.h"
#include "kernels/widen.h"

namespace fewfire {
namespace {

constexpr int64_t kBlock = 8;     // vectors that stay in the first cache while all centroids pass by
constexpr int64_t kColumns = 64;  // of the sums that a thread takes at a time
constexpr int64_t kFlat = 256;    // cells that are all compared
constexpr float kNothing = -std::numeric_limits<float>::infinity();

void copy_row(std::span<const float> row, float bias, float* vector) {
  std::copy(row.begin(), row.end(), vector);
  vector[row.size()] = bias;
}

// The first n of the ids below `end`, shuffled.
std::vector<RowId> draw(int64_t n, int64_t end, uint64_t seed) {
  std::vector<RowId> ids(static_cast<size_t>(end));
  std::iota(ids.begin(), ids.end(), 0);
  for (int64_t i = 0; i < n; ++i)
    std::swap(ids[i], ids[i + random_below(end - i, random_bits(seed, 0, static_cast<uint64_t>(i)))]);
  ids.resize(static_cast<size_t>(n));
  return ids;
}

CentroidOptions checked(CentroidOptions options, int64_t n_columns) {
  require(n_columns >= 1 && options.n_visited >= 1, "n_columns and n_visited must be at least 1");
  require(options.n_cells >= 1 && options.n_cells <= 1 << 20, "n_cells must be in 1 .. 2 ** 20");
  require(options.sample_per_cell >= 1 && options.sample_per_cell <= 1 << 20 && options.n_iterations >= 0 &&
              options.n_iterations <= 1 << 20,
          "sample_per_cell must be in 1 .. 2 ** 20, n_iterations in 0 .. 2 ** 20");
  return options;
}

}  // namespace

// The rows that the k-means sees, the first of which are its first centroids.
struct Centroids::Sample {
  int64_t size, width;
  std::vector<float> vectors;  // size x width
  std::vector<float> norms;    // squared
  std::vector<uint32_t> codes;
  std::vector<float> distances;  // squared, from the centroid; on the sphere, of a row's norm what it misses
  std::vector<int64_t> counts;   // of each cell

  std::span<float> vector(int64_t i) { return std::span(vectors).subspan(i * width, width); }
  bool fill_empty_cells();
};

struct Centroids::Scratch : HashScratch {
  std::vector<float> values, products, best, widened;
  std::vector<RowId> cells;
  std::vector<int16_t> rounded;
  Shortcut::Scratch shortcut;
  Cut cut;
};

std::unique_ptr<HashScratch> Centroids::scratch() const { return std::make_unique<Scratch>(); }

Centroids::Centroids(int64_t n_columns, const CentroidOptions& options, uint64_t seed)
    : n_columns_(n_columns), options_(checked(options, n_columns)), seed_(seed) {
  options_.n_visited = std::min(options_.n_visited, options_.n_cells);
}

Centroids::Sample Centroids::draw_sample(const Weights& weights, std::span<const float> bias) const {
  const int64_t n = std::min(weights.rows, options_.sample_per_cell * n_used_), width = n_columns_ + 1;
  Sample sample{.size = n, .width = width};
  sample.vectors.resize(static_cast<size_t>(n * width));
  sample.norms.resize(static_cast<size_t>(n));
  sample.codes.resize(static_cast<size_t>(n));
  sample.distances.resize(static_cast<size_t>(n));
  sample.counts.resize(static_cast<size_t>(n_used_));
  const std::vector<RowId> rows = draw(n, weights.rows, seed_);
  std::vector<float> widened;
  for (int64_t i = 0; i < n; ++i) {
    const std::span<float> vector = sample.vector(i);
    copy_row(read_row(weights, rows[i], widened), bias[rows[i]], vector.data());
    sample.norms[i] = kernels().sum_of_squares(vector.data(), width);
    if (!std::isfinite(sample.norms[i])) {
      std::fill(vector.begin(), vector.end(), 0.0f);
      sample.norms[i] = 0.0f;
    }
  }
  return sample;
}

// scores[i] = what the best cell gives vectors[i], the lowest among equals; NaN ends in cell 0. Returns how
// many products were taken.
int64_t Centroids::nearest(Matrix<const float> vectors, Scratch& scratch, uint32_t* codes,
                           float* scores) const {
  if (!shortcut_.empty())
    return shortcut_.nearest(vectors, scales_, offsets_, scratch.shortcut, codes, scores);
  std::vector<float>& products = scratch.products;
  products.resize(static_cast<size_t>(vectors.rows * n_used_));
  kernels().score_block(centroids(), offsets_.data(), 0, n_used_, vectors, products.data(), n_used_);
  for (int64_t i = 0; i < vectors.rows; ++i) {
    const float* own = products.data() + i * n_used_;
    codes[i] = 0;
    scores[i] = kNothing;
    for (int64_t cell = 0; cell < n_used_; ++cell) {
      const float score = own[cell] * scales_[cell];
      if (score > scores[i]) {
        scores[i] = score;
        codes[i] = static_cast<uint32_t>(cell);
      }
    }
  }
  return vectors.rows * n_used_;
}

// Vectors compared together: those that share what is in the cache.
int64_t Centroids::block() const { return shortcut_.empty() ? kBlock : 32 * kBlock; }

Ledger Centroids::assign(Sample& sample, Pool& pool) const {
  std::vector<Scratch> scratch(static_cast<size_t>(pool.size()));
  std::atomic<int64_t> n_products{0};
  pool.parallel_blocks(sample.size, block(), 1, [&](int64_t first, int64_t end, int thread) {
    float* scores = sample.distances.data();
    n_products += nearest({sample.vectors.data() + first * sample.width, end - first, sample.width},
                          scratch[thread], sample.codes.data() + first, scores + first);
    for (int64_t i = first; i < end; ++i)
      scores[i] = options_.spherical ? std::sqrt(sample.norms[i]) - scores[i]
                                     : sample.norms[i] - scores[i] - scores[i];
  });
  std::fill(sample.counts.begin(), sample.counts.end(), 0);
  for (const uint32_t code : sample.codes) ++sample.counts[code];
  return assignment_cost(n_products);
}

// Gives every empty cell the vector that is farthest from its centroid; whether no cell gained by it: rows
// that were never trained are all alike, and leave cells empty whatever is done.
bool Centroids::Sample::fill_empty_cells() {
  if (std::find(counts.begin(), counts.end(), 0) == counts.end()) return true;
  std::vector<int32_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return distances[a] > distances[b]; });
  bool complete = true;
  size_t next = 0;
  for (size_t cell = 0; cell < counts.size(); ++cell) {
    if (counts[cell] > 0) continue;
    while (counts[codes[order[next]]] <= 1) ++next;  // no more cells are in use than rows were drawn
    const int32_t farthest = order[next++];
    complete = complete && distances[farthest] <= 1e-5f * std::sqrt(norms[farthest]);
    --counts[codes[farthest]];
    codes[farthest] = static_cast<uint32_t>(cell);
    counts[cell] = 1;
  }
  return complete;
}

void Centroids::move_to_means(const Sample& sample, Pool& pool) {
  const int64_t width = sample.width;
  std::fill(centroids_.begin(), centroids_.end(), 0.0f);
  pool.parallel_blocks(width, kColumns, 1, [&](int64_t first, int64_t end, int) {
    for (int64_t i = 0; i < sample.size; ++i) {
      const float* vector = sample.vectors.data() + i * width;
      float* sums = centroids_.data() + sample.codes[i] * width;
      for (int64_t j = first; j < end; ++j) sums[j] += vector[j];
    }
  });
  pool.parallel_for(n_used_, 16, [&](int64_t cell, int) {
    const float share = 1.0f / static_cast<float>(sample.counts[cell]);
    for (float& value : centroid(cell)) value *= share;
    finish(cell);
  });
}

// After a centroid has moved: its width in multiplications.
void Centroids::finish(int64_t cell) {
  const float norm = kernels().sum_of_squares(centroid(cell).data(), n_columns_ + 1);
  if (options_.spherical)
    scales_[cell] = norm > 0.0f ? 1.0f / std::sqrt(norm) : 0.0f;
  else
    offsets_[cell] = -0.5f * norm;
}

void Centroids::finish_all() {
  scales_.assign(static_cast<size_t>(n_used_), 1.0f);
  offsets_.assign(static_cast<size_t>(n_used_), 0.0f);
  for (int64_t cell = 0; cell < n_used_; ++cell) finish(cell);
}

// What queries and rows read of the centroids. To round them takes their width in multiplications.
Ledger Centroids::prepare(Pool& pool) {
  columns_.clear();
  shortcut_.clear();
  rounded_.clear();
  if (n_used_ <= kFlat) {
    transpose();
    return {};
  }
  rounded_.assign(centroids(), pool);
  return {.refresh =
              n_used_ * (n_columns_ + 1) + shortcut_.build(centroids(), options_.spherical, seed_, pool)};
}

void Centroids::transpose() {
  const int64_t width = n_columns_ + 1;
  columns_.resize(centroids_.size());
  for (int64_t cell = 0; cell < n_used_; ++cell)
    for (int64_t j = 0; j < width; ++j) columns_[j * n_used_ + cell] = centroids_[cell * width + j];
}

// Multiplications: the norms of the sample, in each round those of an assignment, and two widths a cell for
// every mean and its norm.
Ledger Centroids::fit(const Weights& weights, std::span<const float> bias, Pool& pool) {
  const int64_t width = n_columns_ + 1;
  n_used_ = std::min(options_.n_cells, weights.rows);
  Sample sample = draw_sample(weights, bias);
  centroids_.assign(sample.vectors.begin(), sample.vectors.begin() + n_used_ * width);
  finish_all();
  Ledger ledger{.refresh = (sample.size + n_used_) * width};
  ledger += prepare(pool);
  // Then again as long as moving the centroids has emptied a cell, for no more than the same time.
  for (int round = 0; round <= 2 * options_.n_iterations; ++round) {
    ledger += assign(sample, pool);
    if (sample.fill_empty_cells() && round >= options_.n_iterations) break;
    move_to_means(sample, pool);
    ledger += prepare(pool);
    ledger.refresh += 2 * n_used_ * width;
    ledger.additions += sample.size * width;
  }
  return ledger;
}

// Of the products of rows with centroids, or with the means of groups of them.
Ledger Centroids::assignment_cost(int64_t n_products) const {
  return {.refresh = n_products * (n_columns_ + 1 + options_.spherical), .comparisons = n_products};
}

void Centroids::restore(Matrix<const float> learned, Pool& pool) {
  n_used_ = learned.rows;
  centroids_.assign(learned.data, learned.data + learned.rows * learned.cols);
  finish_all();
  prepare(pool);
}

// A row multiplies its width twice, to see that it is finite and for its share; a cell that moved does, to
// keep the rest and for its norm.
Ledger Centroids::follow(const Weights& weights, std::span<const float> bias, std::span<const RowId> rows,
                         Matrix<const uint32_t> codes, Pool& pool) {
  if (n_used_ == 0) return {};
  const int64_t n = static_cast<int64_t>(rows.size()), width = n_columns_ + 1;
  std::vector<float> shares(rows.size()), kept(static_cast<size_t>(n_used_), 1.0f);
  std::vector<int64_t> sizes(static_cast<size_t>(n_used_));
  for (int64_t row = 0; row < codes.rows; ++row) ++sizes[codes.row(row)[0]];
  std::vector<float> widened;
  for (int64_t i = 0; i < n; ++i) {
    const std::span<const float> row = read_row(weights, rows[i], widened);
    const float norm = kernels().sum_of_squares(row.data(), n_columns_);
    if (!std::isfinite(norm) || !std::isfinite(bias[rows[i]])) continue;
    const uint32_t cell = codes.row(rows[i])[0];
    shares[i] = 1.0f / static_cast<float>(sizes[cell]);
    kept[cell] -= shares[i];
  }
  pool.parallel_blocks(width, kColumns, 1, [&](int64_t first, int64_t end, int) {
    const int64_t n_weights = std::min(n_columns_, end) - first;
    std::vector<float> part;
    for (int64_t cell = 0; cell < n_used_; ++cell)
      for (float& value : centroid(cell).subspan(first, end - first)) value *= kept[cell];
    for (int64_t i = 0; i < n; ++i) {
      if (shares[i] == 0.0f) continue;
      const std::span<const float> row = read_row(weights, rows[i], first, n_weights, part);
      float* to = centroid(codes.row(rows[i])[0]).data() + first;
      for (int64_t j = 0; j < n_weights; ++j) to[j] += shares[i] * row[j];
      if (end == width) to[n_weights] += shares[i] * bias[rows[i]];
    }
  });
  int64_t n_moved = 0;
  for (int64_t cell = 0; cell < n_used_; ++cell) {
    if (kept[cell] == 1.0f) continue;
    finish(cell);
    ++n_moved;
  }
  Ledger ledger{.refresh = 2 * (n + n_moved) * width, .additions = n * width};
  ledger += prepare(pool);
  return ledger;
}

Ledger Centroids::hash_rows(const Weights& weights, std::span<const float> bias, std::span<const RowId> rows,
                            Matrix<uint32_t> codes, Pool& pool) const {
  const int64_t n = static_cast<int64_t>(rows.size()), width = n_columns_ + 1;
  std::vector<Scratch> scratch(static_cast<size_t>(pool.size()));
  std::atomic<int64_t> n_products{0};
  pool.parallel_blocks(n, block(), 1, [&](int64_t first, int64_t end, int thread) {
    Scratch& own = scratch[thread];
    own.values.resize(static_cast<size_t>(block() * width));
    own.best.resize(static_cast<size_t>(block()));
    for (int64_t i = first; i < end; ++i)
      copy_row(read_row(weights, rows[i], own.widened), bias[rows[i]],
               own.values.data() + (i - first) * width);
    n_products +=
        nearest({own.values.data(), end - first, width}, own, codes.row(first).data(), own.best.data());
  });
  return assignment_cost(n_products);
}

// products = mean scores of the rows of all cells
void Centroids::score_cells(SparseVector x, Scratch& scratch, Ledger& ledger) const {
  std::vector<float>& products = scratch.products;
  products.assign(static_cast<size_t>(options_.n_cells), kNothing);  // of cells without use, the last
  if (n_used_ > kFlat) {
    rounded_.score(x, scratch.rounded, products);
    ledger.hashing += x.size() + n_used_ * (n_columns_ + 2);  // to round it; two scales a cell
  } else {
    const Matrix<const float> columns{columns_.data(), n_columns_ + 1, n_used_};
    if (n_used_ > 0) std::copy_n(columns.row(n_columns_).data(), n_used_, products.data());
    kernels().weighted_sum(columns, x.ids.data(), 0, x.values.data(), x.size(), products.data());
    ledger.hashing += x.size() * n_used_;
  }
  ledger.comparisons += n_used_;
}

void Centroids::hash_query(SparseVector x, Matrix<uint32_t> codes, HashScratch& given, Ledger& ledger) const {
  Scratch& scratch = static_cast<Scratch&>(given);
  score_cells(x, scratch, ledger);
  largest_in_order(scratch.products, n_visited(), scratch.cut, scratch.cells);
  std::copy_n(scratch.cells.begin(), n_visited(), codes.data);
}

}  // namespace fewfire
