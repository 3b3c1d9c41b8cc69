// Losses of one example over the rows of the last layer that were computed, with the gradient for
// each row's value. Rows that were not computed take no part.
#pragma once

#include <cstdint>
#include <span>

#include "views.h"

namespace fewfire {

enum class Loss {
  softmax,   // -sum_labels log softmax(z)_label / |labels|
  logistic,  // sum_rows log(1 + exp(-z)) for labels, log(1 + exp(z)) for others
  squared    // 1/2 sum_rows (a - y)^2
};

// rows ascending; labels ascending. gradients[i] = d loss / d values[i].
double loss_of_labels(Loss loss, std::span<const RowId> rows, std::span<const float> values,
                      std::span<const RowId> labels, std::span<float> gradients);
double loss_of_values(std::span<const RowId> rows, std::span<const float> values,
                      std::span<const float> targets, std::span<float> gradients);

}  // namespace fewfire
