// Losses of one example over the rows of the last layer that were computed, with the gradient for
// each row's value. Rows that were not computed take no part, unless drawn ones stand for them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/views.h"

namespace fewfire {

enum class Loss {
  softmax,    // -sum_labels log softmax(z)_label / |labels|
  decoupled,  // the same, but a label's softmax leaves the other labels out (Jain et al., ICLR 2024)
  logistic,   // sum_rows log(1 + exp(-z)) for labels, log(1 + exp(z)) for others
  squared     // 1/2 sum_rows (a - y)^2
};

struct LossOf {  // one example
  double value = 0.0;
  // Of a softmax: the logarithm of the sum over all rows, or over those that stand for them, that scores are
  // divided by; of a decoupled one, over all rows that are no label. 0 without labels, and for other losses.
  double partition = 0.0;
};

// labels ascending. gradients[i] = d loss / d values[i].
LossOf loss_of_labels(Loss loss, std::span<const RowId> rows, std::span<const float> values,
                      std::span<const RowId> labels, std::span<float> gradients);
LossOf loss_of_values(std::span<const RowId> rows, std::span<const float> values,
                      std::span<const float> targets, std::span<float> gradients);

// The loss of an example all of whose rows are computed, a block after another: never are all held.
class RunningLoss {
 public:
  RunningLoss(Loss loss, std::span<const float> of_labels) : loss_(loss), of_labels_(of_labels) {}
  // Scores of further rows, those of labels replaced by -inf; `scratch` is as long.
  void add(std::span<const float> scores, std::span<float> scratch);
  double value() const;

 private:
  Loss loss_;
  std::span<const float> of_labels_;
  double highest_ = -1e300, total_ = 0.0;  // softmax: sum of exp(z - highest); logistic: the loss
};

// Scores of an example of which few rows are computed: candidates, its labels the first of them, and
// negatives, which were drawn from all other rows. A negative stands for `weight` rows, the inverse of its
// chance q to be drawn: in a softmax its score counts as z - log q (Jean et al., ACL 2015). Where the chances
// differ it stands for its own of `weights` instead.
struct SampledScores {
  std::span<const float> candidates;
  int64_t n_labels = 0;
  std::span<const float> negatives;  // -inf: takes no part
  float weight = 1.0f;
  std::span<const float> weights = {};
};

// Gradients for the values of candidates and negatives.
LossOf loss_of_sample(Loss loss, const SampledScores& scores, std::span<float> candidates,
                      std::span<float> negatives);

}  // namespace fewfire
