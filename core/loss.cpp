#include "loss.h"

#include <algorithm>
#include <cmath>

namespace fewfire {
namespace {

bool is_label(std::span<const RowId> labels, RowId row) {
  return std::binary_search(labels.begin(), labels.end(), row);
}

double softmax(std::span<const RowId> rows, std::span<const float> scores, std::span<const RowId> labels,
               std::span<float> gradients) {
  std::fill(gradients.begin(), gradients.end(), 0.0f);
  if (labels.empty() || rows.empty()) return 0.0;
  const float highest = *std::max_element(scores.begin(), scores.end());
  double total = 0.0;
  for (size_t i = 0; i < rows.size(); ++i) total += gradients[i] = std::exp(scores[i] - highest);
  const double log_total = std::log(total) + highest, share = 1.0 / static_cast<double>(labels.size());
  double loss = 0.0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool wanted = is_label(labels, rows[i]);
    gradients[i] = static_cast<float>(gradients[i] / total - (wanted ? share : 0.0));
    if (wanted) loss += share * (log_total - scores[i]);
  }
  return loss;
}

double logistic(std::span<const RowId> rows, std::span<const float> scores, std::span<const RowId> labels,
                std::span<float> gradients) {
  double loss = 0.0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool wanted = is_label(labels, rows[i]);
    const double z = scores[i], decay = std::exp(-std::abs(z));
    loss += std::max(z, 0.0) - (wanted ? z : 0.0) + std::log1p(decay);
    const double probability = z >= 0.0 ? 1.0 / (1.0 + decay) : decay / (1.0 + decay);
    gradients[i] = static_cast<float>(probability - (wanted ? 1.0 : 0.0));
  }
  return loss;
}

}  // namespace

double loss_of_labels(Loss loss, std::span<const RowId> rows, std::span<const float> values,
                      std::span<const RowId> labels, std::span<float> gradients) {
  return loss == Loss::softmax ? softmax(rows, values, labels, gradients)
                               : logistic(rows, values, labels, gradients);
}

double loss_of_values(std::span<const RowId> rows, std::span<const float> values,
                      std::span<const float> targets, std::span<float> gradients) {
  double loss = 0.0;
  for (size_t i = 0; i < rows.size(); ++i) {
    gradients[i] = values[i] - targets[rows[i]];
    loss += 0.5 * static_cast<double>(gradients[i]) * static_cast<double>(gradients[i]);
  }
  return loss;
}

}  // namespace fewfire
