// The last layer of a net with very many rows above a layer without a gate. A training example computes
//   - its labels and the candidates that the index proposes, and
//   - negatives, drawn uniformly and shared by its micro-batch, which stand for all other rows (loss.h);
// prediction computes the candidates. What a step costs depends on the rows it touches alone: visits
// (row, example) are sorted by row, so that a row is read once to be scored for all examples that chose it,
// and pairs with a gradient once more, so that it is read once to pass them on and be changed; rows are
// asked for before their turn. Negatives are copied side by side and multiplied as a dense block.
#pragma once

#include "base/pool.h"
#include "network/update.h"

namespace fewfire {

// Of the layer `l`, in this mode. Not for the squared loss: a value that nobody computes costs nothing.
bool draws_negatives(const Model& model, size_t l, const Workspace& space);

void forward_retrieval(const Model& model, size_t l, Workspace& space, Pool& pool);

// The loss of one example of what `forward_retrieval` left, and its gradients, those of negatives already as
// a share of the micro-batch's.
double retrieval_loss(const Model& model, int64_t example, float share, Workspace& space);

// From d loss / d score: the deltas of the layer below, and an update of every row that was computed.
void backward_retrieval(const Layer& layer, size_t l, const Update& update, const OptimizerState& state,
                        Workspace& space, Pool& pool);

}  // namespace fewfire
