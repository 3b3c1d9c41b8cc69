// The end of a step for one row: its gradient becomes an update, counted, and the index hears of it.
#pragma once

#include "network/optimizer.h"
#include "network/workspace.h"

namespace fewfire {

struct Update {
  const Optimizer& optimizer;
  Rates rates;
  int64_t number;  // of the step
};

void update(const Layer& layer, size_t l, RowId row, const RowGradient& gradient, const Update& update,
            const OptimizerState& state, const Workspace& space, ThreadSpace& own);

// Appends the pairs of an example whose delta is not 0.
void append_nonzero(std::span<const RowId> rows, std::span<const float> deltas, int64_t example,
                    std::vector<Pair>& scratch, std::vector<Pair>& pairs);

// The examples of the pairs and their deltas, in own.ids and own.deltas.
void load_pairs(std::span<const Pair> pairs, ThreadSpace& own);

// The same for the row of these pairs, whose gradient is the sum of delta * input over their examples.
void update_pairs(const Layer& layer, size_t l, std::span<const Pair> pairs, const Update& update,
                  const OptimizerState& state, const Workspace& space, ThreadSpace& own);

}  // namespace fewfire
