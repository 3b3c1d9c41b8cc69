// A slice of training, over many micro-batches.
#pragma once

#include "network/batches.h"

namespace fewfire {

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
  float loss_scale = 1.0f;  // that gradients are of; losses are told as they are
};

// rates: one learning rate per micro-batch of `order`. states: one of each layer.
Totals train(const Model& model, const Inputs& inputs, const Targets& targets, std::span<const int64_t> order,
             std::span<const float> rates, const Optimizer& optimizer, std::span<const OptimizerState> states,
             const TrainOptions& options);

// Lets all rows pay what they owe along the mean inputs, after `number` steps.
std::vector<Ledger> settle(const Model& model, const Optimizer& optimizer,
                           std::span<const OptimizerState> states, int64_t number, int n_threads);

}  // namespace fewfire
