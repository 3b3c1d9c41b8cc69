// The end of a step for one row: its gradient becomes an update, counted, and the index hears of it.
#pragma once

#include "optimizer.h"
#include "workspace.h"

namespace fewfire {

struct Update {
  const Optimizer& optimizer;
  Rates rates;
  int64_t number;  // of the step
};

void update(const Layer& layer, size_t l, RowId row, const RowGradient& gradient, const Update& update,
            const OptimizerState& state, const Workspace& space, ThreadSpace& own);

// The examples of the pairs and their deltas, in own.ids and own.deltas.
void load_pairs(std::span<const Pair> pairs, ThreadSpace& own);

// The same for the row of these pairs, whose gradient is the sum of delta * input over their examples.
void update_pairs(const Layer& layer, size_t l, std::span<const Pair> pairs, const Update& update,
                  const OptimizerState& state, const Workspace& space, ThreadSpace& own);

}  // namespace fewfire
