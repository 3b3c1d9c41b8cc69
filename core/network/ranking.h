// A last layer of which every row is computed, for a prediction: block by block, and of the scores only the
// best of each example and what its loss needs are kept. Never are there examples x rows of them.
#pragma once

#include "network/step.h"

namespace fewfire {

// Whether a prediction in this mode computes every row of the last layer, and compares their scores.
bool ranks_all(const Model& model, Mode mode);

// The best rows of each example of a micro-batch, best first: k per example, -1 and -inf where there are
// fewer.
struct Ranking {
  int64_t k = 0;
  std::vector<RowId> rows;
  std::vector<float> scores;
  std::vector<double> losses;  // zeros without targets
};

// After `forward` of the layers below.
void rank_all(const Model& model, Workspace& space, Ranking& ranking);

}  // namespace fewfire
