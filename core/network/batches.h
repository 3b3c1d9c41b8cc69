// Examples through a net, a micro-batch after the other, and what all of them add up to.
#pragma once

#include <functional>

#include "network/step.h"

namespace fewfire {

struct Totals {
  double loss = 0.0;
  int64_t n_correct = 0;
  std::vector<Ledger> ledgers;              // per layer
  std::vector<std::vector<int64_t>> usage;  // per layer and row: examples that chose it
};

// What the threads of a workspace counted.
void add(const Workspace& space, Totals& totals);

std::span<const int64_t> batch_of(std::span<const int64_t> ids, int64_t number, int64_t batch_size);

constexpr int64_t kPredictBatch = 32;

struct Pass {
  Mode mode = Mode::gated;
  int n_threads = 1;
  bool leaves_last = false;  // the last layer is the caller's
  bool counts_rows = true;   // of a last layer that retrieves; otherwise only their sum
};

// Calls take(first, space, serial) for every micro-batch of `ids`, after its forward pass; `first` is the
// place in `ids` of its first example. The micro-batches are the same for any number of threads. Between them
// the net may change.
Totals forward_all(const Model& model, const Inputs& inputs, const Targets& targets,
                   std::span<const int64_t> ids, const Pass& pass,
                   const std::function<void(int64_t first, Workspace& space, Pool& serial)>& take);

}  // namespace fewfire
