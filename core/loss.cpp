#include "loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels.h"
#include "simd.h"

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

// With t = sum of exp z over the rows that are no label, a label pays log(exp z + t) - z.
double decoupled(std::span<const RowId> rows, std::span<const float> scores, std::span<const RowId> labels,
                 std::span<float> gradients) {
  std::fill(gradients.begin(), gradients.end(), 0.0f);
  if (labels.empty() || rows.empty()) return 0.0;
  const float highest = *std::max_element(scores.begin(), scores.end());
  double others = 0.0, pull = 0.0, loss = 0.0;
  for (size_t i = 0; i < rows.size(); ++i) {
    gradients[i] = std::exp(scores[i] - highest);
    if (!is_label(labels, rows[i])) others += gradients[i];
  }
  const double share = 1.0 / static_cast<double>(labels.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!is_label(labels, rows[i])) continue;
    const double total = gradients[i] + others;
    loss += share * (std::log(total) + highest - scores[i]);
    pull += share / total;
    gradients[i] = static_cast<float>(-share * others / total);
  }
  for (size_t i = 0; i < rows.size(); ++i)
    if (!is_label(labels, rows[i])) gradients[i] = static_cast<float>(gradients[i] * pull);
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

float highest_of(std::span<const float> scores) {
  float highest = -std::numeric_limits<float>::infinity();
  for (const float score : scores) highest = std::max(highest, score);
  return highest;
}

float exponentials(std::span<const float> scores, float shift, std::span<float> values) {
  return kernels().exponentials(scores.data(), static_cast<int64_t>(scores.size()), shift, values.data());
}

void multiply(std::span<float> values, double factor) {
  for (float& value : values) value *= static_cast<float>(factor);
}

// Softmax, decoupled or not: exp(z - highest) of all, then what each label pays and what it asks of the
// others.
double sampled_softmax(bool decoupled, const SampledScores& scores, std::span<float> candidates,
                       std::span<float> negatives) {
  const size_t n_labels = static_cast<size_t>(scores.n_labels);
  const float log_weight = std::log(scores.weight);
  const float highest = std::max(highest_of(scores.candidates), highest_of(scores.negatives) + log_weight);
  const double of_candidates = exponentials(scores.candidates, highest, candidates);
  const double of_negatives = exponentials(scores.negatives, highest - log_weight, negatives);
  double of_labels = 0.0;
  for (const float value : candidates.first(n_labels)) of_labels += value;
  const double others = std::max(0.0, of_candidates - of_labels) + of_negatives;
  const double share = 1.0 / static_cast<double>(n_labels);
  double loss = 0.0, pull = 0.0;
  for (size_t i = 0; i < n_labels; ++i) {
    const double total = others + (decoupled ? double{candidates[i]} : of_labels);
    loss += share * (std::log(total) + highest - scores.candidates[i]);
    pull += share / total;
    if (decoupled) candidates[i] = static_cast<float>(-share * others / total);
  }
  multiply(candidates.subspan(decoupled ? n_labels : 0), pull);
  multiply(negatives, pull);
  if (!decoupled)
    for (float& gradient : candidates.first(n_labels)) gradient -= static_cast<float>(share);
  return loss;
}

// sum of log(1 + exp z), and its gradient. A product of up to 512 factors of at most 2 fits a double.
double softplus(std::span<const float> scores, std::span<float> gradients) {
  for (size_t i = 0; i < scores.size(); ++i) gradients[i] = -std::abs(scores[i]);
  exponentials(gradients, 0.0f, gradients);
  double loss = 0.0, product = 1.0;
  for (size_t i = 0; i < scores.size(); ++i) {
    const float decay = gradients[i], z = scores[i];
    product *= 1.0 + decay;
    if (i % 512 == 511) loss += std::log(product), product = 1.0;
    loss += std::max(z, 0.0f);
    gradients[i] = (z >= 0.0f ? 1.0f : decay) / (1.0f + decay);
  }
  return loss + std::log(product);
}

double sampled_logistic(const SampledScores& scores, std::span<float> candidates,
                        std::span<float> negatives) {
  double loss = softplus(scores.candidates, candidates);
  for (int64_t i = 0; i < scores.n_labels; ++i) {
    loss -= scores.candidates[i];
    candidates[i] -= 1.0f;
  }
  loss += scores.weight * softplus(scores.negatives, negatives);
  multiply(negatives, scores.weight);
  return loss;
}

}  // namespace

double loss_of_labels(Loss loss, std::span<const RowId> rows, std::span<const float> values,
                      std::span<const RowId> labels, std::span<float> gradients) {
  if (loss == Loss::softmax) return softmax(rows, values, labels, gradients);
  return loss == Loss::decoupled ? decoupled(rows, values, labels, gradients)
                                 : logistic(rows, values, labels, gradients);
}

double loss_of_sample(Loss loss, const SampledScores& scores, std::span<float> candidates,
                      std::span<float> negatives) {
  if (loss == Loss::logistic) return sampled_logistic(scores, candidates, negatives);
  if (scores.n_labels > 0) return sampled_softmax(loss == Loss::decoupled, scores, candidates, negatives);
  std::fill(candidates.begin(), candidates.end(), 0.0f);
  std::fill(negatives.begin(), negatives.end(), 0.0f);
  return 0.0;
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

void RunningLoss::add(std::span<const float> scores, std::span<float> scratch) {
  if (loss_ == Loss::logistic) {
    total_ += softplus(scores, scratch);
    return;
  }
  const float highest = highest_of(scores);
  if (std::isinf(highest) && highest < 0.0f) return;  // labels all of them
  if (highest > highest_) {
    total_ *= std::exp(highest_ - highest);
    highest_ = highest;
  }
  total_ += exponentials(scores, static_cast<float>(highest_), scratch);
}

double RunningLoss::value() const {
  if (loss_ == Loss::logistic) {
    double loss = total_;
    for (const double z : of_labels_) loss += std::max(-z, 0.0) + std::log1p(std::exp(-std::abs(z)));
    return loss;
  }
  if (of_labels_.empty()) return 0.0;
  const double highest = std::max(highest_, double{highest_of(of_labels_)});
  const double others = total_ * std::exp(highest_ - highest);
  double labels = 0.0, loss = 0.0;
  for (const double z : of_labels_) labels += std::exp(z - highest);
  for (const double z : of_labels_) {
    const double total = others + (loss_ == Loss::decoupled ? std::exp(z - highest) : labels);
    loss += std::log(total) + highest - z;
  }
  return loss / static_cast<double>(of_labels_.size());
}

}  // namespace fewfire
