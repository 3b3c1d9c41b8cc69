#include "hash/sign.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>

#include "base/rng.h"
#include "hash/valid.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "kernels/topk.h"
#include "kernels/widen.h"

namespace fewfire {
namespace {

// `n` of the columns, each with equal chance: those with the smallest random keys.
std::vector<char> draw_columns(int64_t n_columns, int64_t n, uint64_t seed) {
  require(n >= 1 && n <= n_columns, "a query reads 1 column at least, and at most all");
  std::vector<std::pair<uint64_t, int64_t>> keys;
  for (int64_t j = 0; j < n_columns; ++j)
    keys.emplace_back(random_bits(seed, 0, static_cast<uint64_t>(j)), j);
  std::sort(keys.begin(), keys.end());
  std::vector<char> drawn(static_cast<size_t>(n_columns));
  for (int64_t i = 0; i < n; ++i) drawn[keys[i].second] = 1;
  return drawn;
}

constexpr int64_t kMeasured = 1024;  // rows that columns are measured of

// part(0) + ... + part(n - 1), in lanes that a compiler puts side by side.
template <class Part>
float sum_of(size_t n, const Part& part) {
  constexpr size_t kLanes = 16;
  float lanes[kLanes] = {};
  const size_t whole = n - n % kLanes;
  for (size_t j = 0; j < whole; j += kLanes)
    for (size_t k = 0; k < kLanes; ++k) lanes[k] += part(j + k);
  for (size_t j = whole; j < n; ++j) lanes[j - whole] += part(j);
  double sum = 0.0;
  for (const float lane : lanes) sum += lane;
  return static_cast<float>(sum);
}

}  // namespace

struct SignIndex::Scratch : IndexScratch {
  std::vector<float> scores;
  RowBuffer part;    // of a query, that it reads
  RowBuffer places;  // powers of two
  std::vector<uint64_t> words;
  Cut cut;
};

std::unique_ptr<IndexScratch> SignIndex::scratch() const { return std::make_unique<Scratch>(); }

SignIndex::SignIndex(int64_t n_rows, int64_t n_columns, float alpha, uint64_t seed, int64_t n_read,
                     bool binary)
    : n_rows_(n_rows),
      n_columns_(n_columns),
      n_words_((n_rows + 63) / 64),
      alpha_(alpha),
      share_(static_cast<float>(n_read) / static_cast<float>(n_columns)),
      seed_(seed),
      reads_all_(n_read == n_columns),
      binary_(binary),
      reads_(draw_columns(n_columns, n_read, seed)),
      bits_(n_columns * n_words_),
      alphas_(static_cast<size_t>(n_rows),
              alpha * static_cast<float>(n_columns) / static_cast<float>(n_read)),
      offsets_(static_cast<size_t>(n_rows)),
      betas_(reads_.begin(), reads_.end()),
      betas_squared_(static_cast<float>(n_read)) {}

void SignIndex::set_center(std::span<const float> center) {
  require(static_cast<int64_t>(center.size()) == n_columns_, "the mean input has another number of columns");
  center_.assign(center.begin(), center.end());
}

Ledger SignIndex::refresh(const Weights& weights, std::span<const float> bias, Pool& pool) {
  check_layer(*this, weights, bias);
  if (has_betas()) measure_columns(weights);
  std::vector<Ledger> spent(static_cast<size_t>(pool.size()));
  pool.parallel_for(n_words_, 1, [&](int64_t word, int thread) {
    std::vector<uint64_t> column(static_cast<size_t>(n_columns_));
    std::vector<float> widened;
    for (int64_t i = word * 64; i < std::min(n_rows_, (word + 1) * 64); ++i) {
      const std::span<const float> row = read_row(weights, i, widened);
      for (int64_t j = 0; j < n_columns_; ++j) column[j] |= uint64_t{row[j] > 0.0f} << (i % 64);
      row_changed(static_cast<RowId>(i), row, spent[thread]);
    }
    for (int64_t j = 0; j < n_columns_; ++j) bits_[j * n_words_ + word] = column[j];
  });
  Ledger total{.comparisons = n_rows_ * n_columns_};
  if (has_betas()) total.additions += std::min(n_rows_, kMeasured) * n_columns_;
  for (const Ledger& own : spent) total += own;
  return total;
}

// Of rows that are spread evenly.
void SignIndex::measure_columns(const Weights& weights) {
  const int64_t n = std::min(n_rows_, kMeasured);
  std::vector<float> widened;
  std::fill(betas_.begin(), betas_.end(), 0.0f);
  for (int64_t i = 0; i < n; ++i) {
    const std::span<const float> row = read_row(weights, i * n_rows_ / n, widened);
    for (int64_t j = 0; j < n_columns_; ++j) betas_[j] += std::abs(row[j]);
  }
  betas_squared_ = 0.0f;
  for (int64_t j = 0; j < n_columns_; ++j) {
    betas_[j] *= reads_[j] ? 1.0f / static_cast<float>(n) : 0.0f;
    betas_squared_ += betas_[j] * betas_[j];
  }
}

void SignIndex::row_changed(RowId row, std::span<const float> weights, Ledger& ledger) {
  const size_t n = weights.size();
  if (alpha_ == 0.0f) {
    const float size = sum_of(n, [&](size_t j) { return betas_[j] * std::abs(weights[j]); });
    alphas_[row] = betas_squared_ > 0.0f ? size / (share_ * betas_squared_) : 0.0f;
    ledger.additions += n_columns_;
    ledger.refresh += n_columns_;
  }
  if (center_.empty()) return;
  const float along = sum_of(n, [&](size_t j) { return weights[j] * center_[j]; });
  const float signs = sum_of(n, [&](size_t j) {
    const float part = betas_[j] * center_[j];
    return weights[j] > 0.0f ? part : -part;
  });
  offsets_[row] = along - alphas_[row] * signs;
  ledger.refresh += 2 * n_columns_;
  ledger.additions += n_columns_;
}

void SignIndex::signs_flipped(RowId row, std::span<const RowId> columns, std::span<const float> weights) {
  const uint64_t bit = uint64_t{1} << (row % 64);
  for (const RowId j : columns) {
    // Atomic, because asynchronous threads share a word for 64 rows and must not undo each other.
    const std::atomic_ref<uint64_t> word(bits_[j * n_words_ + row / 64]);
    const bool is_positive = weights[j] > 0.0f;
    const uint64_t before = is_positive ? word.fetch_or(bit, std::memory_order_relaxed)
                                        : word.fetch_and(~bit, std::memory_order_relaxed);
    const bool was_positive = (before & bit) != 0;
    if (was_positive == is_positive || !reads_[j] || center_.empty()) continue;
    const float step = 2.0f * alphas_[row] * betas_[j] * center_[j];
    offsets_[row] += was_positive ? step : -step;
  }
}

SparseVector SignIndex::read_part(SparseVector x, RowBuffer& part, Ledger& ledger) const {
  part.ids.clear();
  part.values.clear();
  for (int64_t k = 0; k < x.size(); ++k)
    if (reads_[x.ids[k]] && !(binary_ && x.values[k] == 0.0f)) {
      part.ids.push_back(x.ids[k]);
      part.values.push_back(betas_[x.ids[k]] * x.values[k]);
    }
  if (has_betas()) ledger.ranking += static_cast<int64_t>(part.ids.size());
  return {part.ids, part.values};
}

// scores[i] = mean * (how many of the inputs meet a positive weight), the counts as binary numbers.
void SignIndex::count(SparseVector x, float mean, Scratch& scratch, Ledger& ledger) const {
  const int64_t n_planes = std::max<int64_t>(3, std::bit_width(static_cast<uint64_t>(x.size())));
  scratch.words.resize(static_cast<size_t>(n_planes * n_words_));
  const Matrix<uint64_t> planes{scratch.words.data(), n_planes, n_words_};
  kernels().count_bits(bits(), x.ids, planes);
  scratch.places.ids.resize(static_cast<size_t>(n_planes));
  scratch.places.values.resize(static_cast<size_t>(n_planes));
  for (int64_t p = 0; p < n_planes; ++p) {
    scratch.places.ids[p] = static_cast<RowId>(p);
    scratch.places.values[p] = std::ldexp(mean, static_cast<int>(p));
  }
  kernels().masked_sum(planes, {scratch.places.ids, scratch.places.values}, scratch.scores.data());
  ledger.popcounts += n_words_ * x.size();
  ledger.additions += n_rows_ * n_planes;
}

void SignIndex::propose(std::span<const float> bias, const Query& query, int64_t wanted, IndexScratch& given,
                        std::vector<RowId>& rows, Ledger& ledger) const {
  Scratch& scratch = static_cast<Scratch&>(given);
  const bool is_whole = reads_all_ && !binary_ && !has_betas();
  const SparseVector x = is_whole ? query.x : read_part(query.x, scratch.part, ledger);
  scratch.scores.resize(static_cast<size_t>(n_words_ * 64));
  float total = 0.0f;
  for (const float value : x.values) total += value;
  if (binary_) {
    count(x, x.size() > 0 ? total / static_cast<float>(x.size()) : 0.0f, scratch, ledger);
  } else {
    kernels().masked_sum(bits(), x, scratch.scores.data());
    ledger.additions += n_rows_ * x.size();
  }
  for (int64_t i = 0; i < n_rows_; ++i)
    scratch.scores[i] = alphas_[i] * (2.0f * scratch.scores[i] - total) + (offsets_[i] + bias[i]);
  largest({scratch.scores.data(), static_cast<size_t>(n_rows_)}, wanted, seed_ ^ query.key, scratch.cut,
          rows);
  ledger.ranking += n_rows_;
  ledger.comparisons += n_rows_;
}

}  // namespace fewfire
