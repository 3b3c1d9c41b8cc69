// A slice of training and the use of a trained net, over many micro-batches.
#pragma once

#include "network/step.h"

namespace fewfire {

struct Totals {
  double loss = 0.0;
  int64_t n_correct = 0;
  std::vector<Ledger> ledgers;              // per layer
  std::vector<std::vector<int64_t>> usage;  // per layer and row: examples that chose it
};

struct TrainOptions {
  int64_t batch_size = 1;
  int64_t first_step = 0;  // steps done before
  uint64_t epoch = 0;
  int n_threads = 1;
  // One step at a time, its loops spread over the threads: the same bits for any number of them. Otherwise
  // every thread runs whole steps of its own on the shared weights (see step.h).
  bool deterministic = false;
  bool counts_rows = true;  // of a last layer that retrieves; otherwise only their sum
  // Of the slices before, from which the sum goes on: where slices are cut then leaves no trace in it.
  double loss_before = 0.0;
};

// rates: one learning rate per micro-batch of `order`.
Totals train(const Model& model, const Inputs& inputs, const Targets& targets, std::span<const int64_t> order,
             std::span<const float> rates, const Optimizer& optimizer, std::span<const OptimizerState> states,
             const TrainOptions& options);

constexpr int64_t kPredictBatch = 32;

// Calls take(first, space) for every micro-batch of `ids`, after its forward pass; `first` is the place in
// `ids` of its first example. `leaves_last`: the last layer is the caller's.
// `counts_rows`: as in TrainOptions.
Totals predict(const Model& model, const Inputs& inputs, const Targets& targets, std::span<const int64_t> ids,
               Mode mode, int n_threads,
               const std::function<void(int64_t first, Workspace& space, Pool& serial)>& take,
               bool leaves_last = false, bool counts_rows = true);

// scores[k] = the score of row rows.indices[k] of the last layer, for the examples `ids` in turn; rows.indptr
// has their lists. The layers below are computed through their gates.
Totals score_rows(const Model& model, const Inputs& inputs, std::span<const int64_t> ids, const Targets& rows,
                  int n_threads, std::span<float> scores);

// The k best of some scored rows, best first; equal scores in ascending order of rows. Missing ones are -1,
// -inf.
void best(SparseVector scored, std::span<RowId> rows, std::span<float> scores, std::vector<RowId>& order);

}  // namespace fewfire
