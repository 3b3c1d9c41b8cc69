// The best rows of the examples of a micro-batch. Where a prediction computes every row of the last layer,
// that is done here, block by block, and of the scores only the best of each example and what its loss needs
// are kept: never are there examples x rows of them.
#pragma once

#include "network/step.h"

namespace fewfire {

// Whether a prediction in this mode computes every row of the last layer, and compares their scores:
// `forward` then leaves that layer to find_best (Workspace::leaves_last).
bool ranks_all(const Model& model, Mode mode);

// After `forward`: the best rows of each example, best first; as many as a line has, -1 and -inf where there
// are fewer. If losses are wanted and the last layer was left, they are in space.losses.
void find_best(const Model& model, Workspace& space, bool wants_losses, Matrix<RowId> rows,
               Matrix<float> scores);

// Of some scored rows: equal scores in ascending order of rows. `order` is scratch.
void best(SparseVector scored, std::span<RowId> rows, std::span<float> scores, std::vector<RowId>& order);

}  // namespace fewfire
