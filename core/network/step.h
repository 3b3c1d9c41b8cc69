// One step: a micro-batch goes forward through the layers, gets its loss, goes backward, and every
// touched row is updated in place. Read this first.
//
// Every loop over the pool writes its own slots, so a step gives the same bits for any pool size.
// Asynchronous training (train.h) lets several threads run whole steps on the same weights. Its data
// races are these and no others, all benign by design (Hogwild: Recht et al., NIPS 2011):
//   - weights and biases: read in forward and backward, changed in update_row, pay and update_biases;
//   - optimizer state: moments and `touched`, changed there too;
//   - sign codes: read in SignIndex::propose and SignRows::score, changed bit by bit in
//     SignIndex::signs_flipped and SignRows::flip;
//   - what weighs the sign codes of a row: read in SignIndex::propose, changed there too, and in
//     SignIndex::mean_moved and SignIndex::row_changed.
// Predictions beside a training read the same arrays; for everything else both go through the model's
// turnstile (model.h). tests/races.supp names the functions that write these arrays.
#pragma once

#include "base/pool.h"
#include "network/update.h"

namespace fewfire {

// Computes the active rows of every layer for the examples `ids` of `inputs`; `epoch` seeds what gates draw.
void forward(const Model& model, const Inputs& inputs, const Targets& targets, std::span<const int64_t> ids,
             uint64_t epoch, Workspace& space, Pool& pool);

// Losses of what `forward` left, and their gradients; space.scales become those of the mean over the
// micro-batch.
void compute_losses(const Model& model, const Targets& targets, std::span<const int64_t> ids,
                    Workspace& space, Pool& pool);

// Multiplies the gradients of the last layer's values by space.scales.
void scale_gradients(Workspace& space, Pool& pool);

LayerStep layer_step(const Model& model, size_t l, const Optimizer& optimizer, const OptimizerState& state,
                     float lr, int64_t number);

// Layer by layer from the last: input deltas, gradients, and the update of every row that has one; `number`
// is that of the step.
void backward(const Model& model, const Optimizer& optimizer, std::span<const OptimizerState> states,
              float lr, int64_t number, Workspace& space, Pool& pool);

// What does not belong here: what one kind of layer does (its file, listed in kind.cpp), which examples make
// a micro-batch and who trains beside it (train.h), the formula of a loss (loss.h) or of an optimizer
// (optimizer.h).

}  // namespace fewfire
