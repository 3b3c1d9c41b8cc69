#include "hash/simhash.h"

#include "kernels.h"
#include "rng.h"
#include "simd.h"

namespace fewfire {

SimHash::SimHash(int64_t n_columns, int n_bits, int n_tables, uint64_t seed)
    : n_columns_(n_columns), n_bits_(n_bits), n_tables_(n_tables), projections_(n_columns * width()) {
  for (int64_t i = 0; i < n_columns; ++i)
    for (int64_t j = 0; j < width(); ++j)
      projections_[i * width() + j] = random_normal(seed, static_cast<uint64_t>(i), static_cast<uint64_t>(j));
}

Tally SimHash::hash_rows(Matrix<const float> weights, std::span<const float>, Matrix<uint32_t> codes,
                         Pool& pool) const {
  constexpr int64_t kBlock = 16;
  const int64_t n_blocks = (weights.rows + kBlock - 1) / kBlock;
  std::vector<std::vector<float>> products(static_cast<size_t>(pool.size()), std::vector<float>(width()));
  pool.parallel_for(n_blocks, 1, [&](int64_t block, int thread) {
    std::vector<float>& product = products[thread];
    for (int64_t i = block * kBlock; i < std::min(weights.rows, (block + 1) * kBlock); ++i) {
      std::fill(product.begin(), product.end(), 0.0f);
      kernels().weighted_sum(projections(), nullptr, 0, weights.row(i).data(), n_columns_, product.data());
      pack(product, codes.row(i));
    }
  });
  return {.refresh = weights.rows * weights.cols * width()};
}

void SimHash::hash_query(SparseVector x, std::span<uint32_t> codes, Tally& tally) const {
  thread_local std::vector<float> products;
  products.assign(static_cast<size_t>(width()), 0.0f);
  kernels().weighted_sum(projections(), x.ids.data(), 0, x.values.data(), x.size(), products.data());
  pack(products, codes);
  tally.hashing += x.size() * width();
}

void SimHash::pack(std::span<const float> products, std::span<uint32_t> codes) const {
  for (int t = 0; t < n_tables_; ++t) {
    uint32_t code = 0;
    for (int bit = 0; bit < n_bits_; ++bit) code |= uint32_t{products[t * n_bits_ + bit] > 0.0f} << bit;
    codes[t] = code;
  }
}

}  // namespace fewfire
