// Buckets of row ids, one CSR per hash table. Refilled by counting sort, never edited in place: every
// row is in every table exactly once, in ascending order inside its bucket.
//
// A query visits the buckets that its family names and proposes rows found there, by one of four ranks.
#pragma once

#include <memory>
#include <optional>

#include "hash/hash.h"
#include "hash/index.h"
#include "hash/sign_rows.h"
#include "hash/signatures.h"

namespace fewfire {

enum class Rank {
  union_,   // bucket by bucket, until there are enough
  count,    // those that share the most buckets with the query
  hamming,  // those whose codes, all tables taken together, differ from the query's in the fewest bits
  sign      // those with the largest sign scores (sign_rows.h)
};

struct TableOptions {
  Rank rank = Rank::count;
  float alpha = 0.1f;  // of the sign scores
  // Rank::sign: rows looked at for each that is wanted, from the likeliest buckets; 0: all of those visited.
  int64_t n_ranked = 0;
  uint64_t seed = 0;
};

class TableIndex : public Index {
 public:
  TableIndex(std::shared_ptr<Hash> hash, int64_t n_rows, const TableOptions& options);

  bool fits(int64_t n_rows, int64_t n_columns) const override {
    return n_rows == n_rows_ && n_columns == hash_->n_columns();
  }
  std::unique_ptr<IndexScratch> scratch() const override;
  void propose(std::span<const float> bias, const Query& query, int64_t wanted, IndexScratch& scratch,
               std::vector<RowId>& rows, Ledger& ledger) const override;
  bool is_ordered() const override { return options_.rank == Rank::union_; }
  void set_center(std::span<const float> center) override;
  void set_draws(std::span<const uint32_t> draws);
  Ledger refresh(const Weights& weights, std::span<const float> bias, Pool& pool) override;
  // Takes over what an index of the same make had learned, and its codes.
  Ledger restore(const Weights& weights, Matrix<const float> learned, Matrix<const uint32_t> codes,
                 Pool& pool);
  const Hash& hash() const { return *hash_; }
  // Hashes some rows anew, after what the family learned has followed them, and refills the tables in which
  // one of them has another code.
  Ledger refresh_rows(const Weights& weights, std::span<const float> bias, std::span<const RowId> rows,
                      Pool& pool);
  // A refresh in pieces, for rows too many to be hashed at once: the family learns anew, then some rows after
  // others are hashed, and when all are, the new codes take over. Until then queries see the old ones.
  Ledger begin_refit(const Weights& weights, std::span<const float> bias, Pool& pool);
  Ledger refit_rows(const Weights& weights, std::span<const float> bias, std::span<const RowId> rows,
                    Pool& pool);
  Ledger end_refit(const Weights& weights, Pool& pool);
  bool is_refitting() const { return next_ != nullptr; }
  // Of a refit that has begun: what it has learned, and the new codes, of some rows perhaps only.
  Matrix<const float> next_learned() const;
  Matrix<const uint32_t> next_codes() const;
  // Go on with a refit that left these.
  void restore_refit(Matrix<const float> learned, Matrix<const uint32_t> codes, Pool& pool);
  // How far the codes of some rows are from those of the weights now: the mean share of bits that differ in
  // a table, or of codes where bits mean nothing.
  double drift(const Weights& weights, std::span<const float> bias, std::span<const RowId> rows, Pool& pool,
               Ledger& ledger) const;
  bool reads_signs() const override { return signs_.has_value(); }
  void signs_flipped(RowId row, std::span<const RowId> columns, std::span<const float> weights) override {
    if (signs_) signs_->flip(row, columns, weights);
  }

  int64_t bytes() const override {
    return hash_->bytes() + (next_ ? next_->bytes() : 0) + (signs_ ? signs_->bytes() : 0) +
           (signatures_ ? signatures_->bytes() : 0) +
           bytes_of(codes_, next_codes_, offsets_, rows_, every_row_);
  }

  std::span<const RowId> bucket(int table, uint32_t code) const;
  Matrix<const int64_t> offsets() const {
    return {offsets_.data(), hash_->n_tables(), hash_->n_buckets() + 1};
  }
  Matrix<const RowId> rows() const { return {rows_.data(), hash_->n_tables(), n_rows_}; }
  Matrix<const uint64_t> sign_bits() const { return signs_ ? signs_->bits() : Matrix<const uint64_t>{}; }
  Matrix<const uint32_t> codes() const { return {codes_.data(), n_rows_, hash_->n_tables()}; }

 private:
  struct Scratch;
  void fill(int table);
  Ledger fill_all(const Weights& weights, Pool& pool);
  void collect(const Query& query, int64_t limit, Scratch& scratch, std::vector<RowId>& rows) const;
  void count_visits(Scratch& scratch, std::vector<RowId>& rows, Ledger& ledger) const;
  void keep_best(const Query& query, int64_t wanted, Scratch& scratch, std::vector<RowId>& rows,
                 Ledger& ledger) const;
  void top_up(const Query& query, int64_t wanted, Scratch& scratch, std::vector<RowId>& rows) const;

  std::shared_ptr<Hash> hash_, next_;  // next: of a refit
  std::vector<uint32_t> next_codes_;
  int64_t n_rows_;
  TableOptions options_;
  std::vector<uint32_t> codes_;   // n_rows x n_tables
  std::vector<int64_t> offsets_;  // n_tables x (n_buckets + 1)
  std::vector<RowId> rows_;       // n_tables x n_rows
  std::vector<RowId> every_row_;
  std::optional<Signatures> signatures_;  // Rank::hamming
  std::optional<SignRows> signs_;         // Rank::sign
};

}  // namespace fewfire
