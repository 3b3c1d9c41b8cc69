// What a net does with some examples, looked at from outside: the mean inputs of its layers, and how well
// its gates choose. Every function checks how its arguments fit together.
#pragma once

#include "network/batches.h"

namespace fewfire {

struct Means {
  std::vector<std::vector<float>> values;  // per layer: of its inputs
  std::vector<Ledger> ledgers;             // all multiplications under `refresh`
};

// The mean input of each layer over the examples `ids`, through the gates: what some families centre
// queries by. Summed in blocks of fixed examples, so the same for any number of threads.
Means mean_inputs(const Model& model, const Inputs& inputs, std::span<const int64_t> ids, int n_threads);

struct Choices {  // rows of one layer, a line per example, the highest score first; -1 where there are fewer
  int64_t width = 0;
  std::vector<RowId> chosen;  // through the gate
  std::vector<RowId> best;    // of all rows
};

// What the gate of layer `position` chooses for the inputs that reach it, and what it would choose if it
// scored every row.
Choices choices(const Model& model, size_t position, const Inputs& inputs, std::span<const int64_t> ids,
                int n_threads);

// Seconds that each example takes alone, in one thread: from its features to its k best rows.
std::vector<double> latencies(const Model& model, const Inputs& inputs, std::span<const int64_t> ids,
                              Mode mode, int64_t k);

}  // namespace fewfire
