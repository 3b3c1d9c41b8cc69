// The likelihoods of given labels: only the nodes above them are opened.
#pragma once

#include "tagger/predict_trees.h"

namespace fewfire {

// scores[k]: of the k-th entry of `wanted`, whose list i holds ascending labels for the example ids[i]; what
// predict_trees gives a label that it finds. Every label is in every tree.
Ledger score_labels(std::span<const Member> members, std::span<const int64_t> ids, const Targets& wanted,
                    float path_weight, int n_threads, std::span<float> scores);

}  // namespace fewfire
