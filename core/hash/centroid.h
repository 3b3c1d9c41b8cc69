// Cells learned from the rows: one table whose buckets are the cells of a k-means. With v = (w, b) of a row,
// q = (x, 1) of a query and c the mean of the rows of a cell, a row belongs to the cell with
//   spherical   the largest c.v / |c|    (Dhillon & Modha, ML 2001, but rows keep their norms: long ones
//   count) otherwise   the smallest |v - c|^2, that is, the largest c.v - |c|^2 / 2
// and a query visits the cells with the largest c.q, the mean score of their rows (Auvolat et al., arXiv
// 1507.05910).
//
// A fit is a function of weights, bias and seed. Between fits the centroids follow the rows that change: of
// a cell's s rows, m have changed to v_1 .. v_m, so c becomes (1 - m / s) c + (v_1 + .. + v_m) / s, a step of
// mini-batch k-means (Sculley, WWW 2010). So the cells are those of no weights in particular, and files keep
// centroids and codes.
//
// With more than 256 cells a row is compared with an eighth of them, found through a shortcut, and a query
// with all, rounded to 8 bits.
#pragma once

#include "hash/byte_rows.h"
#include "hash/hash.h"
#include "hash/shortcut.h"

namespace fewfire {

struct CentroidOptions {
  int64_t n_cells = 128;
  int64_t n_visited = 8;  // cells that a query visits; more than all are all
  bool spherical = true;
  int64_t sample_per_cell = 32;  // rows that the k-means sees, for each cell
  int n_iterations = 4;
};

class Centroids : public Hash {
 public:
  Centroids(int64_t n_columns, const CentroidOptions& options, uint64_t seed);

  int64_t n_columns() const override { return n_columns_; }
  int n_tables() const override { return 1; }
  int64_t n_buckets() const override { return options_.n_cells; }
  int n_visited() const override { return static_cast<int>(options_.n_visited); }
  int64_t bytes() const override {
    return shortcut_.bytes() + rounded_.bytes() + bytes_of(centroids_, columns_, scales_, offsets_);
  }
  std::unique_ptr<Hash> unfitted() const override {
    return std::make_unique<Centroids>(n_columns_, options_, seed_);
  }
  Ledger fit(const Weights& weights, std::span<const float> bias, Pool& pool) override;
  Matrix<const float> learned() const override { return centroids(); }
  void restore(Matrix<const float> learned, Pool& pool) override;
  Ledger follow(const Weights& weights, std::span<const float> bias, std::span<const RowId> rows,
                Matrix<const uint32_t> codes, Pool& pool) override;
  Ledger hash_rows(const Weights& weights, std::span<const float> bias, std::span<const RowId> rows,
                   Matrix<uint32_t> codes, Pool& pool) const override;
  std::unique_ptr<HashScratch> scratch() const override;
  void hash_query(SparseVector x, Matrix<uint32_t> codes, HashScratch& scratch,
                  Ledger& ledger) const override;

  // One for each cell in use: no more than there were rows.
  Matrix<const float> centroids() const { return {centroids_.data(), n_used_, n_columns_ + 1}; }

 private:
  struct Sample;
  struct Scratch;
  Sample draw_sample(const Weights& weights, std::span<const float> bias) const;
  Ledger assignment_cost(int64_t n_products) const;
  int64_t nearest(Matrix<const float> vectors, Scratch& scratch, uint32_t* codes, float* scores) const;
  int64_t block() const;
  void score_cells(SparseVector x, Scratch& scratch, Ledger& ledger) const;
  Ledger assign(Sample& sample, Pool& pool) const;
  void move_to_means(const Sample& sample, Pool& pool);
  std::span<float> centroid(int64_t cell) {
    return std::span(centroids_).subspan(cell * (n_columns_ + 1), n_columns_ + 1);
  }
  void finish(int64_t cell);
  void finish_all();
  Ledger prepare(Pool& pool);
  void transpose();

  int64_t n_columns_, n_used_ = 0;
  CentroidOptions options_;
  uint64_t seed_;
  std::vector<float> centroids_;  // n_used x (n_columns + 1)
  std::vector<float> columns_;    // the same, column by column: a query reads those of its inputs
  Shortcut shortcut_;             // instead of columns, where there are many cells: for rows
  ByteRows rounded_;              // and for queries
  std::vector<float> scales_;     // 1 / |c| on the sphere, or 1
  std::vector<float> offsets_;    // 0 on the sphere, or -|c|^2 / 2
};

}  // namespace fewfire
