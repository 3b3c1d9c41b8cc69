#include "hash/simhash.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "kernels.h"
#include "simd.h"

namespace fewfire {
namespace {

constexpr int64_t kBlock = 16;  // rows a thread takes at a time

}  // namespace

SimHash::SimHash(int64_t n_columns, const SimHashOptions& options, uint64_t seed)
    : n_columns_(n_columns), options_(options), seed_(seed), draws_(static_cast<size_t>(options.n_tables)) {
  projection_ = make_projection(options.projection, n_columns_ + has_bias() + n_extra(),
                                int64_t{options.n_tables} * options.n_bits, seed);
  if (options_.center) {
    center_.assign(static_cast<size_t>(n_columns), 0.0f);
    mean_row_.assign(static_cast<size_t>(n_columns) + 1, 0.0f);
    center_products_.assign(static_cast<size_t>(projection_->n_outputs()), 0.0f);
  }
}

// A table drawn anew k times is that table of the seed k further on.
void SimHash::set_draws(std::span<const uint32_t> draws) {
  assert(draws.size() == draws_.size());
  for (size_t t = 0; t < draws_.size(); ++t) {
    if (draws[t] == draws_[t]) continue;
    projection_->redraw(static_cast<int64_t>(t) * options_.n_bits, options_.n_bits, seed_ + draws[t]);
    draws_[t] = draws[t];
  }
}

int64_t SimHash::n_extra() const {
  switch (options_.mips) {
    case Mips::none:
      return 0;
    case Mips::sign_alsh:
      return options_.norm_powers;
    case Mips::simple:
      return 1;
  }
  return 0;
}

// (w, b) less the mean row, with what b owes for centred queries.
void SimHash::augment(std::span<const float> row, float bias, std::vector<float>& values) const {
  values.assign(row.begin(), row.end());
  if (!has_bias()) return;
  if (options_.center) bias += std::inner_product(row.begin(), row.end(), center_.begin(), 0.0f);
  values.push_back(bias);
  if (options_.center)
    for (size_t j = 0; j < values.size(); ++j) values[j] -= mean_row_[j];
}

void SimHash::transform(std::span<const float> row, float bias, std::vector<float>& values) const {
  augment(row, bias, values);
  if (options_.mips == Mips::none) return;
  for (float& value : values) value *= scale_;
  float norm = kernels().sum_of_squares(values.data(), static_cast<int64_t>(values.size()));
  if (options_.mips == Mips::simple) {
    values.push_back(std::sqrt(std::max(0.0f, 1.0f - norm)));  // a row may have grown since the fit
    return;
  }
  for (int i = 0; i < options_.norm_powers; ++i, norm *= norm) values.push_back(0.5f - norm);
}

int64_t SimHash::transform_cost() const {
  const int64_t n = n_columns_ + has_bias();
  return (options_.center ? n_columns_ : 0) + (options_.mips != Mips::none ? 2 * n + n_extra() : 0);
}

Tally SimHash::fit(Matrix<const float> weights, std::span<const float> bias, Pool&) {
  Tally tally;
  std::vector<float> values, spare;
  if (options_.center) {
    std::vector<double> sums(mean_row_.size());
    std::fill(mean_row_.begin(), mean_row_.end(), 0.0f);
    for (int64_t i = 0; i < weights.rows; ++i) {
      augment(weights.row(i), bias[i], values);
      for (size_t j = 0; j < sums.size(); ++j) sums[j] += values[j];
    }
    for (size_t j = 0; j < sums.size(); ++j)
      mean_row_[j] = static_cast<float>(sums[j] / static_cast<double>(weights.rows));
    std::vector<RowId> ids;
    projection_->apply(all_of(center_, ids), center_products_, spare);
    const Cost cost = projection_->cost(n_columns_);
    tally.refresh += weights.rows * n_columns_ + cost.multiplications;
    tally.additions += cost.additions;
  }
  if (options_.mips != Mips::none) {
    float largest = 0.0f;
    for (int64_t i = 0; i < weights.rows; ++i) {
      augment(weights.row(i), bias[i], values);
      largest =
          std::max(largest, kernels().sum_of_squares(values.data(), static_cast<int64_t>(values.size())));
    }
    const float target = options_.mips == Mips::simple ? 1.0f : options_.largest_norm;
    scale_ = largest > 0.0f ? target / std::sqrt(largest) : 1.0f;
    tally.refresh += weights.rows * (n_columns_ + 1 + (options_.center ? n_columns_ : 0));
  }
  return tally;
}

Tally SimHash::hash_rows(Matrix<const float> weights, std::span<const float> bias,
                         std::span<const RowId> rows, Matrix<uint32_t> codes, Pool& pool) const {
  const int64_t n = static_cast<int64_t>(rows.size());
  std::vector<HashScratch> scratch(static_cast<size_t>(pool.size()));
  pool.parallel_for((n + kBlock - 1) / kBlock, 1, [&](int64_t block, int thread) {
    HashScratch& own = scratch[thread];
    for (int64_t i = block * kBlock; i < std::min(n, (block + 1) * kBlock); ++i) {
      transform(weights.row(rows[i]), bias[rows[i]], own.values);
      projection_->apply(all_of(own.values, own.ids), own.products, own.spare);
      for (int t = 0; t < n_tables(); ++t)
        probe(std::span(own.products).subspan(t * options_.n_bits, options_.n_bits),
              codes.row(i).subspan(t, 1), own.probes);
    }
  });
  const Cost cost = projection_->cost(projection_->n_inputs());
  return {.refresh = n * (cost.multiplications + transform_cost()), .additions = n * cost.additions};
}

void SimHash::hash_query(SparseVector x, Matrix<uint32_t> codes, HashScratch& scratch, Tally& tally) const {
  if (has_bias()) {
    scratch.ids.assign(x.ids.begin(), x.ids.end());
    scratch.values.assign(x.values.begin(), x.values.end());
    scratch.ids.push_back(static_cast<RowId>(n_columns_));
    scratch.values.push_back(1.0f);
    x = {scratch.ids, scratch.values};
  }
  projection_->apply(x, scratch.products, scratch.spare);
  const Cost cost = projection_->cost(x.size());
  tally.hashing += cost.multiplications;
  tally.additions += cost.additions;
  if (options_.center) {
    for (size_t j = 0; j < scratch.products.size(); ++j) scratch.products[j] -= center_products_[j];
    tally.additions += projection_->n_outputs();
  }
  for (int t = 0; t < n_tables(); ++t)
    probe(std::span(scratch.products).subspan(t * options_.n_bits, options_.n_bits), codes.row(t),
          scratch.probes);
}

}  // namespace fewfire
