#include "hash/tables.h"

#include <algorithm>

#include "rng.h"

namespace fewfire {

TableIndex::TableIndex(std::shared_ptr<const Hash> hash, int64_t n_rows, Rank rank, uint64_t seed)
    : hash_(std::move(hash)),
      n_rows_(n_rows),
      rank_(rank),
      seed_(seed),
      offsets_(hash_->n_tables() * (hash_->n_buckets() + 1)),
      rows_(hash_->n_tables() * n_rows) {}

Tally TableIndex::refresh(Matrix<const float> weights, std::span<const float> bias, Pool& pool) {
  std::vector<uint32_t> codes(rows_.size());
  const Matrix<uint32_t> by_row{codes.data(), n_rows_, hash_->n_tables()};
  const Tally tally = hash_->hash_rows(weights, bias, by_row, pool);
  pool.parallel_for(hash_->n_tables(), 1, [&](int64_t table, int) { fill(static_cast<int>(table), by_row); });
  return tally;
}

void TableIndex::fill(int table, Matrix<const uint32_t> codes) {
  int64_t* ends = offsets_.data() + table * (hash_->n_buckets() + 1);
  RowId* rows = rows_.data() + table * n_rows_;
  std::fill(ends, ends + hash_->n_buckets() + 1, 0);
  for (int64_t row = 0; row < n_rows_; ++row) ++ends[codes.row(row)[table] + 1];
  for (int64_t code = 0; code < hash_->n_buckets(); ++code) ends[code + 1] += ends[code];
  std::vector<int64_t> next(ends, ends + hash_->n_buckets());
  for (int64_t row = 0; row < n_rows_; ++row) rows[next[codes.row(row)[table]]++] = static_cast<RowId>(row);
}

std::span<const RowId> TableIndex::bucket(int table, uint32_t code) const {
  const std::span<const int64_t> ends = offsets().row(table);
  return rows().row(table).subspan(ends[code], ends[code + 1] - ends[code]);
}

void TableIndex::propose(const Layer&, const Query& query, int64_t wanted, Scratch& scratch,
                         Tally& tally) const {
  scratch.codes.resize(static_cast<size_t>(hash_->n_tables()));
  hash_->hash_query(query.x, scratch.codes, tally);
  scratch.candidates.clear();
  scratch.begin_set(n_rows_);
  if (rank_ == Rank::votes)
    propose_by_votes(query, wanted, scratch, tally);
  else
    propose_any(query, wanted, scratch);
  top_up(query, wanted, scratch);
}

void TableIndex::propose_by_votes(const Query& query, int64_t wanted, Scratch& scratch, Tally& tally) const {
  scratch.scores.resize(static_cast<size_t>(n_rows_));  // of rows seen for this query only
  for (int table = 0; table < hash_->n_tables(); ++table) {
    const std::span<const RowId> rows = bucket(table, scratch.codes[table]);
    tally.additions += static_cast<int64_t>(rows.size());
    for (const RowId row : rows) {
      if (scratch.insert(row)) {
        scratch.candidates.push_back(row);
        scratch.scores[row] = 0.0f;
      }
      scratch.scores[row] += 1.0f;
    }
  }
  if (static_cast<int64_t>(scratch.candidates.size()) <= wanted) return;
  tally.comparisons += static_cast<int64_t>(scratch.candidates.size());
  scratch.kept_scores.clear();
  for (const RowId row : scratch.candidates) scratch.kept_scores.push_back(scratch.scores[row]);
  largest(scratch.kept_scores, wanted, seed_ ^ query.key, scratch.cut, scratch.picked);
  for (size_t i = 0; i < scratch.picked.size(); ++i)
    scratch.candidates[i] = scratch.candidates[scratch.picked[i]];
  scratch.candidates.resize(scratch.picked.size());
}

void TableIndex::propose_any(const Query& query, int64_t wanted, Scratch& scratch) const {
  // The first table and the first row of a bucket are drawn anew for each example: a fixed order
  // would favour low tables and low rows whenever the budget ends the search.
  const int n_tables = hash_->n_tables();
  const int64_t first = random_below(n_tables, random_bits(seed_, query.key, 0));
  for (int t = 0; t < n_tables; ++t) {
    const int table = static_cast<int>((first + t) % n_tables);
    const std::span<const RowId> rows = bucket(table, scratch.codes[table]);
    const int64_t n = static_cast<int64_t>(rows.size());
    const int64_t start =
        n > 0 ? random_below(n, random_bits(seed_, query.key, 1 + static_cast<uint64_t>(table))) : 0;
    for (int64_t i = 0; i < n; ++i) {
      const RowId row = rows[(start + i) % n];
      if (!scratch.insert(row)) continue;
      scratch.candidates.push_back(row);
      if (static_cast<int64_t>(scratch.candidates.size()) == wanted) return;
    }
  }
}

// Rows that no bucket offered fill the budget, drawn uniformly.
void TableIndex::top_up(const Query& query, int64_t wanted, Scratch& scratch) const {
  const int64_t target = std::min(wanted, n_rows_);
  for (const RowId row : scratch.candidates) scratch.insert(row);
  const uint64_t key = mix(query.key);
  for (uint64_t draw = 0; static_cast<int64_t>(scratch.candidates.size()) < target; ++draw) {
    const RowId row = static_cast<RowId>(random_below(n_rows_, random_bits(seed_, key, draw)));
    if (scratch.insert(row)) scratch.candidates.push_back(row);
  }
}

}  // namespace fewfire
