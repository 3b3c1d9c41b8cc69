// What a trained net answers. Every function checks how its arguments fit together and throws
// std::invalid_argument before anything is computed.
#pragma once

#include "network/batches.h"

namespace fewfire {

struct Answers {               // of n examples
  std::vector<RowId> rows;     // (n, k), best first; -1 where there are fewer
  std::vector<float> scores;   // theirs, -inf where there are fewer
  std::vector<double> losses;  // (n,), zeros without targets
  Totals totals;
};

// The k best rows of the last layer for each of the examples `ids`, and, with targets, their losses.
Answers predict_topk(const Model& model, const Inputs& inputs, const Targets& targets,
                     std::span<const int64_t> ids, int64_t k, Mode mode, int n_threads, bool counts_rows);

// The scores of all rows, (n, rows); -inf where one was not computed.
std::vector<float> predict_all(const Model& model, const Inputs& inputs, std::span<const int64_t> ids,
                               Mode mode, int n_threads);

struct RowScores {
  std::vector<float> scores;
  Totals totals;
};

// The scores of given rows of the last layer, a list for each of the examples `ids`, list after list. The
// layers below are computed through their gates.
RowScores score_rows(const Model& model, const Inputs& inputs, std::span<const int64_t> ids,
                     const Lists& rows, int n_threads);

}  // namespace fewfire
