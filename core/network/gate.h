// Gates: each chooses the rows of a layer that are computed for one example. What a gate chooses
// depends on the example, the weights, the index and the seed, never on the example's neighbours.
#pragma once

#include <memory>

#include "base/check.h"
#include "base/row_set.h"
#include "hash/index.h"
#include "kernels/topk.h"
#include "network/draws.h"
#include "network/layer.h"

namespace fewfire {

enum class Mode {
  train,
  gated,  // prediction through the gate, as trained
  exact   // prediction from every row
};

// The rows computed for one example, with their scores z.
struct Choice {
  std::vector<RowId> rows;
  std::vector<float> scores;
  float threshold = 0.0f;      // subtracted from every score before the ReLU
  RowId threshold_row = -1;    // the row whose score it is, if gradient flows to it
  float scale = 1.0f;          // multiplies the values
  std::vector<float> factors;  // so do these, one for each row; in prediction only, empty for ones

  void clear() {  // keeps the memory
    rows.clear();
    scores.clear();
    factors.clear();
    threshold = 0.0f;
    threshold_row = -1;
    scale = 1.0f;
  }
};

// What a gate keeps between the examples of one thread.
struct GateScratch {
  std::vector<RowId> candidates, forced, picked;
  std::vector<float> scores;  // of the candidates
  std::vector<float> ranks;   // the same, but none outranks a forced one
  RowSet set;
  Cut cut;
  std::unique_ptr<IndexScratch> index;  // of the gate's index, if it has one
};

class Gate {
 public:
  virtual ~Gate() = default;
  GateScratch scratch() const;
  // `choice` comes cleared, `scratch` from this gate. `labels` are kept whatever their score; they count
  // towards the budget.
  virtual void choose(const Layer& layer, const Query& query, std::span<const RowId> labels, Mode mode,
                      GateScratch& scratch, Choice& choice, Ledger& ledger) const = 0;
  // How many rows `choose` keeps at most when no more than n_labels are forced.
  virtual int64_t capacity(int64_t n_rows, int64_t n_labels, Mode mode) const = 0;
  virtual Index* index() const { return nullptr; }
  // Whether prediction in Mode::exact gives every row its plain value.
  virtual bool is_plain_when_exact() const { return true; }
  // Whether inputs come as lists of those that are not 0; otherwise as full rows where the layer below has
  // them.
  virtual bool reads_lists() const { return true; }
};

inline void check_active(int64_t active) { require(active >= 1, "active must be at least 1 row"); }

// Uniformly random rows in training, scaled to keep the expectation; every row otherwise (Srivastava
// et al., JMLR 2014, inverted).
class Dropout : public Gate {
 public:
  Dropout(int64_t active, uint64_t seed) : active_(active), seed_(seed) { check_active(active); }
  void choose(const Layer&, const Query&, std::span<const RowId>, Mode, GateScratch&, Choice&,
              Ledger&) const override;
  int64_t capacity(int64_t n_rows, int64_t n_labels, Mode mode) const override;

 private:
  int64_t active_;
  uint64_t seed_;
};

// In training, each row with probability p_i = sigmoid(alpha z_i + beta), independently; if none is
// drawn, the best row. In prediction every row, its value times p_i: the expectation (Ba & Frey, NIPS
// 2013). Every score is computed.
class AdaptiveDropout : public Gate {
 public:
  AdaptiveDropout(float alpha, float beta, uint64_t seed) : alpha_(alpha), beta_(beta), seed_(seed) {}
  void choose(const Layer&, const Query&, std::span<const RowId>, Mode, GateScratch&, Choice&,
              Ledger&) const override;
  int64_t capacity(int64_t n_rows, int64_t, Mode) const override { return n_rows; }
  bool is_plain_when_exact() const override { return false; }

 private:
  void draw(const Query& query, std::span<const RowId> labels, std::span<const float> probabilities,
            GateScratch& scratch) const;
  float alpha_, beta_;
  uint64_t seed_;
};

// How a ranking gate ends: the budget, and whether values start at the score of the best row left out.
struct Keep {
  int64_t active = 0;
  bool soft = false;           // a_i = max(0, z_i - t), t = max(0, the (active + 1)-th score)
  bool differentiate = false;  // t passes its gradient to the row it came from
  int64_t explored = 0;        // of the budget, in training: rows drawn from the rare ones
  uint64_t seed = 0;
};

// Ranks candidates by their exact scores and keeps the best.
class RankingGate : public Gate {
 public:
  explicit RankingGate(Keep keep) : keep_(keep) {
    check_active(keep.active);
    require(keep.explored >= 0 && keep.explored <= keep.active, "explored must be in 0 .. active");
  }
  void choose(const Layer&, const Query&, std::span<const RowId>, Mode, GateScratch&, Choice&,
              Ledger&) const override;
  int64_t capacity(int64_t n_rows, int64_t n_labels, Mode mode) const override;
  // The rows that are explored, of the n_rows of the layer: distinct. Not while a step runs.
  void set_rare(std::span<const RowId> rows, int64_t n_rows);

 protected:
  // Distinct rows, in scratch.candidates.
  virtual void propose(const Layer& layer, const Query& query, GateScratch& scratch,
                       Ledger& ledger) const = 0;

 private:
  std::span<const RowId> explore(int64_t n_rows, const Query& query, std::span<const RowId> labels,
                                 GateScratch& scratch) const;
  void pick_best(int64_t n_rows, const Query& query, std::span<const RowId> forced, GateScratch& scratch,
                 Choice& choice) const;
  Keep keep_;
  std::vector<RowId> rare_;
};

// Exact winner-take-all: every row is a candidate.
class TopK : public RankingGate {
 public:
  using RankingGate::RankingGate;

 protected:
  void propose(const Layer& layer, const Query&, GateScratch& scratch, Ledger&) const override;
};

// Of each kept row's candidates at least `weights` weights are read: the fewer values an input has, the more
// candidates that is, up to all rows.
class Hashed : public RankingGate {
 public:
  Hashed(std::shared_ptr<Index> index, int64_t candidates, int64_t weights, Keep keep)
      : RankingGate(keep),
        index_(std::move(index)),
        candidates_(candidates),
        n_weights_(weights * keep.active) {
    require(index_ != nullptr, "a hashed gate wants an index");
    require(candidates >= keep.active, "candidates must be at least the active rows");
    require(weights >= 0 && weights < 1 << 20, "weights must be in 0 .. 2^20");
  }
  Index* index() const override { return index_.get(); }

 protected:
  void propose(const Layer& layer, const Query& query, GateScratch& scratch, Ledger& ledger) const override;

 private:
  std::shared_ptr<Index> index_;
  int64_t candidates_, n_weights_;
};

// Retrieval for a last layer: what the index proposes is computed and kept. In training a step draws
// `n_negatives` other rows for all its examples besides (retrieval.cpp).
class Retrieve : public Gate {
 public:
  Retrieve(std::shared_ptr<Index> index, int64_t active, int64_t n_negatives, uint64_t seed, float thin)
      : index_(std::move(index)), active_(active), n_negatives_(n_negatives), seed_(seed), thin_(thin) {
    require(index_ != nullptr, "retrieval wants an index");
    check_active(active);
    require(n_negatives >= 0, "n_negatives must be at least 0");
    require(thin >= 0.0f && thin <= 1.0f, "thin must be in 0 .. 1");
  }
  void choose(const Layer&, const Query&, std::span<const RowId>, Mode, GateScratch&, Choice&,
              Ledger&) const override;
  int64_t capacity(int64_t n_rows, int64_t n_labels, Mode mode) const override;
  Index* index() const override { return index_.get(); }
  bool reads_lists() const override { return false; }
  int64_t n_negatives() const { return n_negatives_; }
  uint64_t seed() const { return seed_; }
  // Gradients of scores below this are left out or enlarged to it, by lot; 0: none are.
  float thin() const { return thin_; }

  // How negatives are drawn: without shares, uniformly. Not while a step runs.
  void set_draws(std::span<const double> shares, int64_t n_rows) {
    require(shares.empty() || std::ssize(shares) == n_rows, "every row must have a share");
    draws_ = Draws(shares, std::min(n_negatives_, n_rows));
  }
  const Draws& draws() const { return draws_; }

  // Rows that are candidates of every example, of the n_rows of the layer: distinct. Not while a step runs.
  void set_head(std::span<const RowId> rows, int64_t n_rows);

  // In scratch.candidates: the labels, the head, then the first that the index proposes, within the budget.
  void propose(const Layer& layer, const Query& query, std::span<const RowId> labels, GateScratch& scratch,
               Ledger& ledger) const;

 private:
  std::shared_ptr<Index> index_;
  int64_t active_, n_negatives_;
  uint64_t seed_;
  float thin_;
  bool is_head(RowId row) const;
  std::vector<RowId> head_;
  std::vector<uint64_t> head_bits_;  // up to its last row
  Draws draws_;
};

}  // namespace fewfire
