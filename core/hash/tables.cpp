#include "hash/tables.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <numeric>
#include <stdexcept>

#include "base/rng.h"
#include "base/row_set.h"
#include "hash/valid.h"
#include "kernels/topk.h"

namespace fewfire {
namespace {

// The codes of some rows by the weights now, a row for each.
struct Fresh {
  std::vector<uint32_t> values;
  Matrix<const uint32_t> codes;

  Fresh(const Hash& hash, const Weights& weights, std::span<const float> bias, std::span<const RowId> rows,
        Pool& pool, Ledger& ledger)
      : values(rows.size() * static_cast<size_t>(hash.n_tables())) {
    const Matrix<uint32_t> all{values.data(), static_cast<int64_t>(rows.size()), hash.n_tables()};
    ledger += hash.hash_rows(weights, bias, rows, all, pool);
    codes = all;
  }
};

// The first of these rows, no more than n; of several tables, none that was `seen` before.
void append(std::span<const RowId> rows, int64_t n, RowSet* seen, std::vector<RowId>& to) {
  if (seen == nullptr) {
    to.insert(to.end(), rows.begin(), rows.begin() + std::min<int64_t>(n, std::ssize(rows)));
    return;
  }
  const int64_t end = std::ssize(to) + n;
  for (size_t i = 0; i < rows.size() && std::ssize(to) < end; ++i)
    if (seen->insert(rows[i])) to.push_back(rows[i]);
}

TableOptions checked(TableOptions options, const Hash* hash) {
  require(hash != nullptr, "tables want a hash family");
  require(options.n_ranked >= 0 && options.n_ranked <= 1 << 20, "n_ranked must be in 0 .. 2 ** 20");
  require(options.rank != Rank::hamming || hash->bits_per_code() > 0,
          "the codes of this family have no Hamming distance");
  return options;
}

void check_restored(const TableIndex& index, Matrix<const float> learned, Matrix<const uint32_t> codes) {
  const Hash& hash = index.hash();
  require(learned.rows <= hash.n_buckets() && learned.cols == hash.learned().cols,
          "what was learned has another shape");
  require(codes.rows == index.codes().rows && codes.cols == index.codes().cols,
          "the codes have another shape");
  const int64_t n_codes = learned.cols > 0 ? learned.rows : hash.n_buckets();
  for (int64_t row = 0; row < codes.rows; ++row)
    for (const uint32_t code : codes.row(row)) require(code < n_codes, "a code is out of range");
}

}  // namespace

struct TableIndex::Scratch : IndexScratch {
  std::unique_ptr<HashScratch> hash;
  std::vector<uint32_t> codes;  // of the buckets that a query visits
  RowSet seen;
  std::vector<float> counts;  // of each row seen for this query: the buckets it was in
  std::vector<float> ranks;   // of the candidates
  std::vector<RowId> picked;
  std::vector<uint64_t> words;
  SignRows::Scratch signs;
  Cut cut;
};

std::unique_ptr<IndexScratch> TableIndex::scratch() const {
  auto scratch = std::make_unique<Scratch>();
  scratch->hash = hash_->scratch();
  return scratch;
}

TableIndex::TableIndex(std::shared_ptr<Hash> hash, int64_t n_rows, const TableOptions& options)
    : hash_(std::move(hash)),
      n_rows_(n_rows),
      options_(checked(options, hash_.get())),
      codes_(static_cast<size_t>(hash_->n_tables() * n_rows)),
      offsets_(static_cast<size_t>(hash_->n_tables() * (hash_->n_buckets() + 1))),
      rows_(codes_.size()),
      every_row_(static_cast<size_t>(n_rows)) {
  std::iota(every_row_.begin(), every_row_.end(), 0);
  if (options_.rank == Rank::sign) signs_.emplace(n_rows, hash_->n_columns(), options_.alpha);
  if (options_.rank == Rank::hamming) signatures_.emplace(n_rows, hash_->n_tables(), hash_->bits_per_code());
}

void TableIndex::set_center(std::span<const float> center) {
  check_center(*hash_, center);
  hash_->set_center(center);
}

void TableIndex::set_draws(std::span<const uint32_t> draws) {
  require(std::ssize(draws) == hash_->n_tables(), "a number for each table is wanted");
  hash_->set_draws(draws);
}

Ledger TableIndex::refresh(const Weights& weights, std::span<const float> bias, Pool& pool) {
  check_layer(*this, weights, bias);
  next_.reset();
  Ledger ledger = hash_->fit(weights, bias, pool);
  ledger += hash_->hash_rows(weights, bias, every_row_, {codes_.data(), n_rows_, hash_->n_tables()}, pool);
  ledger += fill_all(weights, pool);
  return ledger;
}

Ledger TableIndex::restore(const Weights& weights, Matrix<const float> learned, Matrix<const uint32_t> codes,
                           Pool& pool) {
  check_layer(*this, weights);
  check_restored(*this, learned, codes);
  next_.reset();
  hash_->restore(learned, pool);
  std::copy_n(codes.data, codes_.size(), codes_.begin());
  return fill_all(weights, pool);
}

// The tables, and what ranks, from new codes.
Ledger TableIndex::fill_all(const Weights& weights, Pool& pool) {
  Ledger ledger;
  pool.parallel_for(hash_->n_tables(), 1, [&](int64_t table, int) { fill(static_cast<int>(table)); });
  if (signatures_)
    for (int64_t row = 0; row < n_rows_; ++row) signatures_->write(row, codes().row(row));
  if (signs_) signs_->refresh(weights, every_row_, pool, ledger);
  return ledger;
}

Ledger TableIndex::refresh_rows(const Weights& weights, std::span<const float> bias,
                                std::span<const RowId> rows, Pool& pool) {
  check_layer(*this, weights, bias, rows);
  const int64_t n_tables = hash_->n_tables();
  Ledger ledger = hash_->follow(weights, bias, rows, this->codes(), pool);
  const Fresh fresh(*hash_, weights, bias, rows, pool, ledger);
  std::vector<char> changed(static_cast<size_t>(n_tables));
  for (size_t i = 0; i < rows.size(); ++i) {
    uint32_t* own = codes_.data() + rows[i] * n_tables;
    for (int64_t t = 0; t < n_tables; ++t) {
      changed[t] |= own[t] != fresh.codes.row(static_cast<int64_t>(i))[t];
      own[t] = fresh.codes.row(static_cast<int64_t>(i))[t];
    }
    if (signatures_) signatures_->write(rows[i], codes().row(rows[i]));
  }
  pool.parallel_for(n_tables, 1, [&](int64_t table, int) {
    if (changed[table]) fill(static_cast<int>(table));
  });
  return ledger;
}

Ledger TableIndex::begin_refit(const Weights& weights, std::span<const float> bias, Pool& pool) {
  check_layer(*this, weights, bias);
  next_ = hash_->unfitted();
  if (next_ == nullptr) throw std::logic_error("this family learns nothing from rows");
  next_codes_.assign(codes_.size(), 0);
  return next_->fit(weights, bias, pool);
}

Ledger TableIndex::refit_rows(const Weights& weights, std::span<const float> bias,
                              std::span<const RowId> rows, Pool& pool) {
  check_layer(*this, weights, bias, rows);
  require(is_refitting(), "no refit has begun");
  Ledger ledger;
  const Fresh fresh(*next_, weights, bias, rows, pool, ledger);
  for (size_t i = 0; i < rows.size(); ++i)
    std::ranges::copy(fresh.codes.row(static_cast<int64_t>(i)),
                      next_codes_.begin() + rows[i] * fresh.codes.cols);
  return ledger;
}

Ledger TableIndex::end_refit(const Weights& weights, Pool& pool) {
  check_layer(*this, weights);
  require(is_refitting(), "no refit has begun");
  hash_ = std::move(next_);
  codes_.swap(next_codes_);
  next_codes_ = {};
  return fill_all(weights, pool);
}

Matrix<const float> TableIndex::next_learned() const {
  require(is_refitting(), "no refit has begun");
  return next_->learned();
}

Matrix<const uint32_t> TableIndex::next_codes() const {
  require(is_refitting(), "no refit has begun");
  return {next_codes_.data(), n_rows_, hash_->n_tables()};
}

void TableIndex::restore_refit(Matrix<const float> learned, Matrix<const uint32_t> codes, Pool& pool) {
  check_restored(*this, learned, codes);
  next_ = hash_->unfitted();
  next_->restore(learned, pool);
  next_codes_.assign(codes.data, codes.data + codes_.size());
}

double TableIndex::drift(const Weights& weights, std::span<const float> bias, std::span<const RowId> rows,
                         Pool& pool, Ledger& ledger) const {
  check_layer(*this, weights, bias, rows);
  const int64_t n_tables = hash_->n_tables(), n_bits = hash_->bits_per_code();
  const Fresh now(*hash_, weights, bias, rows, pool, ledger);
  int64_t differing = 0;
  for (size_t i = 0; i < rows.size(); ++i)
    for (int64_t t = 0; t < n_tables; ++t) {
      const uint32_t difference = codes().row(rows[i])[t] ^ now.codes.row(static_cast<int64_t>(i))[t];
      differing += n_bits > 0 ? std::popcount(difference) : difference != 0;
    }
  return static_cast<double>(differing) / static_cast<double>(std::max<size_t>(now.values.size(), 1)) /
         static_cast<double>(std::max<int64_t>(n_bits, 1));
}

void TableIndex::fill(int table) {
  int64_t* ends = offsets_.data() + table * (hash_->n_buckets() + 1);
  RowId* rows = rows_.data() + table * n_rows_;
  std::fill(ends, ends + hash_->n_buckets() + 1, 0);
  for (int64_t row = 0; row < n_rows_; ++row) ++ends[codes().row(row)[table] + 1];
  for (int64_t code = 0; code < hash_->n_buckets(); ++code) ends[code + 1] += ends[code];
  std::vector<int64_t> next(ends, ends + hash_->n_buckets());
  for (int64_t row = 0; row < n_rows_; ++row) rows[next[codes().row(row)[table]]++] = static_cast<RowId>(row);
}

std::span<const RowId> TableIndex::bucket(int table, uint32_t code) const {
  const std::span<const int64_t> ends = offsets().row(table);
  return rows().row(table).subspan(ends[code], ends[code + 1] - ends[code]);
}

void TableIndex::propose(std::span<const float> bias, const Query& query, int64_t wanted, IndexScratch& given,
                         std::vector<RowId>& rows, Ledger& ledger) const {
  Scratch& scratch = static_cast<Scratch&>(given);
  const int64_t n_tables = hash_->n_tables(), n_visited = hash_->n_visited();
  scratch.codes.resize(static_cast<size_t>(n_tables * n_visited));
  hash_->hash_query(query.x, {scratch.codes.data(), n_tables, n_visited}, *scratch.hash, ledger);
  rows.clear();
  if (n_tables > 1 || options_.rank == Rank::count) scratch.seen.begin(n_rows_);
  switch (options_.rank) {
    case Rank::union_:
      collect(query, wanted, scratch, rows);
      break;
    case Rank::count:
      count_visits(scratch, rows, ledger);
      break;
    case Rank::hamming:
      collect(query, n_rows_, scratch, rows);
      ledger.popcounts +=
          signatures_->score(scratch.codes.data(), n_visited, rows, scratch.words, scratch.ranks);
      break;
    case Rank::sign:
      collect(query, options_.n_ranked > 0 ? std::min(n_rows_, options_.n_ranked * wanted) : n_rows_, scratch,
              rows);
      signs_->score(bias, query.x, rows, scratch.signs, scratch.ranks, ledger);
      break;
  }
  keep_best(query, wanted, scratch, rows, ledger);
  top_up(query, wanted, scratch, rows);
}

// Rows of the buckets visited, the likeliest bucket of every table before the second; stops at `limit`.
void TableIndex::collect(const Query& query, int64_t limit, Scratch& scratch,
                         std::vector<RowId>& rows) const {
  // The first table and the first row of a bucket are drawn anew for each example: a fixed order
  // would favour low tables and low rows whenever the budget ends the search.
  const int64_t n_tables = hash_->n_tables(), n_visited = hash_->n_visited();
  const int64_t first = random_below(n_tables, random_bits(options_.seed, query.key, 0));
  for (int64_t p = 0; p < n_visited; ++p)
    for (int64_t t = 0; t < n_tables; ++t) {
      const int64_t table = (first + t) % n_tables, visit = p * n_tables + table;
      const auto found = bucket(static_cast<int>(table), scratch.codes[table * n_visited + p]);
      const int64_t n = static_cast<int64_t>(found.size());
      const uint64_t bits = random_bits(options_.seed, query.key, 1 + static_cast<uint64_t>(visit));
      const size_t start = n > 0 ? static_cast<size_t>(random_below(n, bits)) : 0;
      for (const auto part : {found.subspan(start), found.first(start)}) {
        const int64_t n_left = limit - static_cast<int64_t>(rows.size());
        if (n_left == 0) return;
        append(part, n_left, n_tables > 1 ? &scratch.seen : nullptr, rows);
      }
    }
}

void TableIndex::count_visits(Scratch& scratch, std::vector<RowId>& rows, Ledger& ledger) const {
  const int64_t n_visited = hash_->n_visited();
  scratch.counts.resize(static_cast<size_t>(n_rows_));
  for (int64_t visit = 0; visit < static_cast<int64_t>(scratch.codes.size()); ++visit) {
    const std::span<const RowId> found = bucket(static_cast<int>(visit / n_visited), scratch.codes[visit]);
    ledger.additions += static_cast<int64_t>(found.size());
    for (const RowId row : found) {
      if (scratch.seen.insert(row)) {
        rows.push_back(row);
        scratch.counts[row] = 0.0f;
      }
      scratch.counts[row] += 1.0f;
    }
  }
  scratch.ranks.clear();
  for (const RowId row : rows) scratch.ranks.push_back(scratch.counts[row]);
}

// The best by ranks; ties are drawn by lot.
void TableIndex::keep_best(const Query& query, int64_t wanted, Scratch& scratch, std::vector<RowId>& rows,
                           Ledger& ledger) const {
  if (static_cast<int64_t>(rows.size()) <= wanted) return;
  ledger.comparisons += static_cast<int64_t>(rows.size());
  largest(scratch.ranks, wanted, options_.seed ^ query.key, scratch.cut, scratch.picked);
  for (size_t i = 0; i < scratch.picked.size(); ++i) rows[i] = rows[scratch.picked[i]];
  rows.resize(scratch.picked.size());
}

// Rows that no bucket offered fill the budget, drawn uniformly.
void TableIndex::top_up(const Query& query, int64_t wanted, Scratch& scratch,
                        std::vector<RowId>& rows) const {
  const int64_t target = std::min(wanted, n_rows_);
  if (static_cast<int64_t>(rows.size()) >= target) return;
  scratch.seen.begin(n_rows_);
  for (const RowId row : rows) scratch.seen.insert(row);
  const uint64_t key = mix(query.key);
  for (uint64_t draw = 0; static_cast<int64_t>(rows.size()) < target; ++draw) {
    const RowId row = static_cast<RowId>(random_below(n_rows_, random_bits(options_.seed, key, draw)));
    if (scratch.seen.insert(row)) rows.push_back(row);
  }
}

}  // namespace fewfire
