// The end of a step for one row: its gradient is applied and counted, and the index hears of it.
#pragma once

#include "network/optimizer.h"
#include "network/workspace.h"

namespace fewfire {

// What a step does to one layer.
struct LayerStep : OptimizerStep {
  size_t l;                                   // place of the layer
  Index* listener;                            // wants to hear of weights that crossed zero; null: nobody does
  std::vector<RowGradients>* sink = nullptr;  // of each thread: takes gradients, and rows stay as they are
};

// The index that wants to hear when weights of the layer cross zero; null: there is none.
Index* listener_of(const Layer& layer);

// The biases of all neurons of a bag.
void apply_bias_gradient(const LayerStep& step, std::span<const float> gradients, ThreadSpace& own);

void apply_gradient(const LayerStep& step, RowId row, const RowGradient& gradient, const Workspace& space,
                    ThreadSpace& own);

// The same for the row of these pairs and its bias: the gradient is the sum of delta * input over their
// examples.
void apply_pairs(const LayerStep& step, std::span<const Pair> pairs, const Workspace& space,
                 ThreadSpace& own);

// What steps want to know of the input of each example, where a row has one moment.
void look_at_inputs(const LayerStep& step, Workspace& space, Pool& pool);

// What a row owes along the mean input.
void pay_row(const LayerStep& step, RowId row, ThreadSpace& own);

// Appends the pairs of an example whose delta is not 0.
void append_nonzero(std::span<const RowId> rows, std::span<const float> deltas, int64_t example,
                    std::vector<Pair>& scratch, std::vector<Pair>& pairs);

// The examples of the pairs and their deltas, in own.ids and own.deltas.
void load_pairs(std::span<const Pair> pairs, ThreadSpace& own);

}  // namespace fewfire
