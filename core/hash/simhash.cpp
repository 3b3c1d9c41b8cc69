#include "hash/simhash.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "hash/probes.h"
#include "hash/valid.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "kernels/widen.h"

namespace fewfire {
namespace {

constexpr int64_t kBlock = 16;    // rows a thread takes at a time
constexpr int64_t kColumns = 64;  // whose sums a thread takes at a time

SimHashOptions checked(SimHashOptions options, int64_t n_columns) {
  check_shape(n_columns, options.n_tables);
  check_bits(options.n_bits);
  require(options.n_visited >= 1 && options.n_visited <= 1 << options.n_bits,
          "n_visited must be in 1 .. 2 ** n_bits");
  require(options.norm_powers >= 1 && options.largest_norm > 0.0f && options.largest_norm < 1.0f,
          "norm_powers must be at least 1, and largest_norm between 0 and 1");
  return options;
}

}  // namespace

struct SimHash::Scratch : HashScratch {
  std::vector<float> values, products, spare, widened;
  std::vector<RowId> ids;
  ProbeScratch probes;
};

std::unique_ptr<HashScratch> SimHash::scratch() const { return std::make_unique<Scratch>(); }

SimHash::SimHash(int64_t n_columns, const SimHashOptions& options, uint64_t seed)
    : n_columns_(n_columns),
      options_(checked(options, n_columns)),
      seed_(seed),
      draws_(static_cast<size_t>(options.n_tables)) {
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

float SimHash::centred_bias(std::span<const float> row, float bias) const {
  return bias + std::inner_product(row.begin(), row.end(), center_.begin(), 0.0f);
}

// (w, b) less the mean row, with what b owes for centred queries.
void SimHash::augment(std::span<const float> row, float bias, std::vector<float>& values) const {
  values.assign(row.begin(), row.end());
  if (!has_bias()) return;
  values.push_back(options_.center ? centred_bias(row, bias) : bias);
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

Ledger SimHash::fit(const Weights& weights, std::span<const float> bias, Pool& pool) {
  Ledger ledger;
  if (options_.center) {
    take_mean(weights, bias, pool);
    std::vector<float> spare;
    std::vector<RowId> ids;
    projection_->apply(all_of(center_, ids), center_products_, spare);
    const Cost cost = projection_->cost(n_columns_);
    ledger.refresh += weights.rows * n_columns_ + cost.multiplications;
    ledger.additions += cost.additions;
  }
  if (options_.mips != Mips::none) {
    const float largest = largest_square(weights, bias, pool);
    const float target = options_.mips == Mips::simple ? 1.0f : options_.largest_norm;
    scale_ = largest > 0.0f ? target / std::sqrt(largest) : 1.0f;
    ledger.refresh += weights.rows * (n_columns_ + 1 + (options_.center ? n_columns_ : 0));
  }
  return ledger;
}

// Each column's sum by one thread, in the order of the rows: the same bits for any number of threads.
void SimHash::take_mean(const Weights& weights, std::span<const float> bias, Pool& pool) {
  const double n = static_cast<double>(weights.rows);
  std::vector<float> biases(bias.size());
  std::vector<std::vector<float>> widened(static_cast<size_t>(pool.size()));
  pool.parallel_for(weights.rows, kBlock, [&](int64_t i, int thread) {
    biases[i] = centred_bias(read_row(weights, i, widened[thread]), bias[i]);
  });
  pool.parallel_blocks(n_columns_, kColumns, 1, [&](int64_t first, int64_t end, int thread) {
    double sums[kColumns] = {};
    for (int64_t i = 0; i < weights.rows; ++i) {
      const std::span<const float> part = read_row(weights, i, first, end - first, widened[thread]);
      for (size_t j = 0; j < part.size(); ++j) sums[j] += part[j];
    }
    for (int64_t j = first; j < end; ++j) mean_row_[j] = static_cast<float>(sums[j - first] / n);
  });
  const double sum = std::accumulate(biases.begin(), biases.end(), 0.0);
  mean_row_[n_columns_] = static_cast<float>(sum / n);
}

// Of what is left of the rows and their biases: the largest squared norm.
float SimHash::largest_square(const Weights& weights, std::span<const float> bias, Pool& pool) const {
  std::vector<float> largest(static_cast<size_t>(pool.size()));
  std::vector<std::vector<float>> values(largest.size()), widened(largest.size());
  pool.parallel_for(weights.rows, kBlock, [&](int64_t i, int thread) {
    augment(read_row(weights, i, widened[thread]), bias[i], values[thread]);
    const int64_t n = static_cast<int64_t>(values[thread].size());
    largest[thread] = std::max(largest[thread], kernels().sum_of_squares(values[thread].data(), n));
  });
  return *std::max_element(largest.begin(), largest.end());
}

Ledger SimHash::hash_rows(const Weights& weights, std::span<const float> bias, std::span<const RowId> rows,
                          Matrix<uint32_t> codes, Pool& pool) const {
  const int64_t n = static_cast<int64_t>(rows.size());
  std::vector<Scratch> scratch(static_cast<size_t>(pool.size()));
  pool.parallel_blocks(n, kBlock, 1, [&](int64_t first, int64_t end, int thread) {
    Scratch& own = scratch[thread];
    for (int64_t i = first; i < end; ++i) {
      transform(read_row(weights, rows[i], own.widened), bias[rows[i]], own.values);
      projection_->apply(all_of(own.values, own.ids), own.products, own.spare);
      for (int t = 0; t < n_tables(); ++t)
        probe(std::span(own.products).subspan(t * options_.n_bits, options_.n_bits),
              codes.row(i).subspan(t, 1), own.probes);
    }
  });
  const Cost cost = projection_->cost(projection_->n_inputs());
  return {.refresh = n * (cost.multiplications + transform_cost()), .additions = n * cost.additions};
}

void SimHash::hash_query(SparseVector x, Matrix<uint32_t> codes, HashScratch& given, Ledger& ledger) const {
  Scratch& scratch = static_cast<Scratch&>(given);
  if (has_bias()) {
    scratch.ids.assign(x.ids.begin(), x.ids.end());
    scratch.values.assign(x.values.begin(), x.values.end());
    scratch.ids.push_back(static_cast<RowId>(n_columns_));
    scratch.values.push_back(1.0f);
    x = {scratch.ids, scratch.values};
  }
  projection_->apply(x, scratch.products, scratch.spare);
  const Cost cost = projection_->cost(x.size());
  ledger.hashing += cost.multiplications;
  ledger.additions += cost.additions;
  if (options_.center) {
    for (size_t j = 0; j < scratch.products.size(); ++j) scratch.products[j] -= center_products_[j];
    ledger.additions += projection_->n_outputs();
  }
  for (int t = 0; t < n_tables(); ++t)
    probe(std::span(scratch.products).subspan(t * options_.n_bits, options_.n_bits), codes.row(t),
          scratch.probes);
}

}  // namespace fewfire
