// The likelihoods of given labels: only the nodes above them are opened.
#pragma once

#include "tagger/predict_trees.h"

namespace fewfire {

struct Likelihoods {
  std::vector<float> values;  // list after list
  Ledger ledger;
};

// What predict_trees gives a label that it finds, for the labels of `wanted`: its list i holds some,
// ascending, for the example ids[i]. Every label is in every tree.
Likelihoods score_labels(std::span<const Member> members, std::span<const int64_t> ids, const Lists& wanted,
                         float path_weight, int n_threads);

}  // namespace fewfire
