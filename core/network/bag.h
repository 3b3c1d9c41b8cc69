// The first layer of a net with very many sparse inputs: a row of weights per input, gathered and summed,
//   a = activation(sum_j x_j w_j + b),
// so that a step reads and changes the rows of the inputs that its examples hold. In training, inputs are
// left out with probability `input_dropout` and neurons with `dropout`; what is kept is scaled up.
#pragma once

#include "base/pool.h"
#include "network/update.h"

namespace fewfire {

// Leaves inputs of x out; `buffer` may already hold it.
SparseVector drop_inputs(const Layer& layer, SparseVector x, uint64_t key, RowBuffer& buffer);

void forward_bag(const Layer& layer, Workspace& space, Pool& pool);

// From d loss / d value of the neurons.
void update_bag(const Layer& layer, const Update& update, const OptimizerState& state, Workspace& space,
                Pool& pool);

}  // namespace fewfire
