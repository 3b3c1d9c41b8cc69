#include "network/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/dispatch.h"
#include "kernels/kernels.h"

namespace fewfire {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

bool is_label(std::span<const RowId> labels, RowId row) {
  return std::binary_search(labels.begin(), labels.end(), row);
}

LossOf softmax(std::span<const RowId> rows, std::span<const float> scores, std::span<const RowId> labels,
               std::span<float> gradients) {
  std::fill(gradients.begin(), gradients.end(), 0.0f);
  if (labels.empty() || rows.empty()) return {};
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
  return {loss, log_total};
}

// log(1 + exp z), and its gradient
double softplus(double z, double& gradient) {
  const double decay = std::exp(-std::abs(z));
  gradient = (z >= 0.0 ? 1.0 : decay) / (1.0 + decay);
  return std::max(z, 0.0) + std::log1p(decay);
}

// The loss of each label against all rows that are no label.
struct Decoupled {
  double log_others;  // log of the sum of their exp z
  double share;       // of a label
  double loss = 0.0, pull = 0.0;

  // log(exp z + others) - z = log(1 + exp(log others - z)): no label hides others behind its own exp.
  float gradient_of_label(float score) {
    double gradient;
    loss += share * softplus(log_others - score, gradient);
    pull += share * gradient;
    return static_cast<float>(-share * gradient);
  }
};

LossOf decoupled(std::span<const RowId> rows, std::span<const float> scores, std::span<const RowId> labels,
                 std::span<float> gradients) {
  std::fill(gradients.begin(), gradients.end(), 0.0f);
  if (labels.empty() || rows.empty()) return {};
  float highest = kNothing;
  for (size_t i = 0; i < rows.size(); ++i)
    if (!is_label(labels, rows[i])) highest = std::max(highest, scores[i]);
  double others = 0.0;
  for (size_t i = 0; i < rows.size(); ++i)
    if (!is_label(labels, rows[i])) others += gradients[i] = std::exp(scores[i] - highest);
  Decoupled sums{.log_others = std::log(others) + highest, .share = 1.0 / static_cast<double>(labels.size())};
  for (size_t i = 0; i < rows.size(); ++i)
    if (is_label(labels, rows[i])) gradients[i] = sums.gradient_of_label(scores[i]);
  for (size_t i = 0; i < rows.size(); ++i)
    if (!is_label(labels, rows[i])) gradients[i] = static_cast<float>(gradients[i] * (sums.pull / others));
  return {sums.loss, sums.log_others};
}

LossOf logistic(std::span<const RowId> rows, std::span<const float> scores, std::span<const RowId> labels,
                std::span<float> gradients) {
  double loss = 0.0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool wanted = is_label(labels, rows[i]);
    const double z = scores[i];
    double probability;
    loss += softplus(z, probability) - (wanted ? z : 0.0);
    gradients[i] = static_cast<float>(probability - (wanted ? 1.0 : 0.0));
  }
  return {loss};
}

float highest_of(std::span<const float> scores) {
  return kernels().largest(scores.data(), static_cast<int64_t>(scores.size()));
}

float exponentials(std::span<const float> scores, float shift, std::span<float> values) {
  return kernels().exponentials(scores.data(), static_cast<int64_t>(scores.size()), shift, values.data());
}

void multiply(std::span<float> values, double factor) {
  for (float& value : values) value *= static_cast<float>(factor);
}

// Returns the sum of the products.
double multiply(std::span<float> values, std::span<const float> factors) {
  double sum = 0.0;
  for (size_t i = 0; i < values.size(); ++i) sum += values[i] *= factors[i];
  return sum;
}

// The exponentials of candidates and negatives, and the logarithm of their sum.
struct Partition {
  double total, log;
};
Partition partition(std::span<const float> candidates, const SampledScores& scores,
                    std::span<float> of_candidates, std::span<float> of_negatives) {
  const float log_weight = std::log(scores.weight);
  float highest = std::max(highest_of(candidates), highest_of(scores.negatives) + log_weight);
  if (highest == kNothing) highest = 0.0f;
  double total = exponentials(candidates, highest, of_candidates);
  const double others = exponentials(scores.negatives, highest - log_weight, of_negatives);
  total += scores.weights.empty() ? others : multiply(of_negatives, scores.weights);
  return {total, std::log(total) + highest};
}

LossOf sampled_softmax(const SampledScores& scores, std::span<float> candidates, std::span<float> negatives) {
  const size_t n_labels = static_cast<size_t>(scores.n_labels);
  const Partition all = partition(scores.candidates, scores, candidates, negatives);
  const double share = 1.0 / static_cast<double>(n_labels);
  multiply(candidates, 1.0 / all.total);
  multiply(negatives, 1.0 / all.total);
  double loss = 0.0;
  for (size_t i = 0; i < n_labels; ++i) {
    loss += share * (all.log - scores.candidates[i]);
    candidates[i] -= static_cast<float>(share);
  }
  return {loss, all.log};
}

LossOf sampled_decoupled(const SampledScores& scores, std::span<float> candidates,
                         std::span<float> negatives) {
  const size_t n_labels = static_cast<size_t>(scores.n_labels);
  const Partition others =
      partition(scores.candidates.subspan(n_labels), scores, candidates.subspan(n_labels), negatives);
  Decoupled sums{.log_others = others.log, .share = 1.0 / static_cast<double>(n_labels)};
  for (size_t i = 0; i < n_labels; ++i) candidates[i] = sums.gradient_of_label(scores.candidates[i]);
  const double pull = others.total == 0.0 ? 0.0 : sums.pull / others.total;  // of masked ones alone
  multiply(candidates.subspan(n_labels), pull);
  multiply(negatives, pull);
  return {sums.loss, others.log};
}

// sum of log(1 + exp z), and the gradient of each. A product of up to 512 factors of at most 2 fits a double.
// The terms of the sum may have weights; the gradients have none.
double softplus(std::span<const float> scores, std::span<float> gradients,
                std::span<const float> weights = {}) {
  for (size_t i = 0; i < scores.size(); ++i) gradients[i] = -std::abs(scores[i]);
  exponentials(gradients, 0.0f, gradients);
  double loss = 0.0, product = 1.0;
  for (size_t i = 0; i < scores.size(); ++i) {
    const float decay = gradients[i], z = scores[i];
    if (weights.empty()) {
      product *= 1.0 + decay;
      if (i % 512 == 511) loss += std::log(product), product = 1.0;
      loss += std::max(z, 0.0f);
    } else {
      loss += weights[i] * (std::max(z, 0.0f) + std::log1p(decay));
    }
    gradients[i] = (z >= 0.0f ? 1.0f : decay) / (1.0f + decay);
  }
  return loss + std::log(product);
}

LossOf sampled_logistic(const SampledScores& scores, std::span<float> candidates,
                        std::span<float> negatives) {
  double loss = softplus(scores.candidates, candidates);
  for (int64_t i = 0; i < scores.n_labels; ++i) {
    loss -= scores.candidates[i];
    candidates[i] -= 1.0f;
  }
  if (scores.weights.empty()) {
    loss += scores.weight * softplus(scores.negatives, negatives);
    multiply(negatives, scores.weight);
  } else {
    loss += softplus(scores.negatives, negatives, scores.weights);
    multiply(negatives, scores.weights);
  }
  return {loss};
}

}  // namespace

LossOf loss_of_labels(Loss loss, std::span<const RowId> rows, std::span<const float> values,
                      std::span<const RowId> labels, std::span<float> gradients) {
  if (loss == Loss::softmax) return softmax(rows, values, labels, gradients);
  return loss == Loss::decoupled ? decoupled(rows, values, labels, gradients)
                                 : logistic(rows, values, labels, gradients);
}

LossOf loss_of_sample(Loss loss, const SampledScores& scores, std::span<float> candidates,
                      std::span<float> negatives) {
  if (loss == Loss::logistic) return sampled_logistic(scores, candidates, negatives);
  if (scores.n_labels > 0)
    return loss == Loss::decoupled ? sampled_decoupled(scores, candidates, negatives)
                                   : sampled_softmax(scores, candidates, negatives);
  std::fill(candidates.begin(), candidates.end(), 0.0f);
  std::fill(negatives.begin(), negatives.end(), 0.0f);
  return {};
}

LossOf loss_of_values(std::span<const RowId> rows, std::span<const float> values,
                      std::span<const float> targets, std::span<float> gradients) {
  double loss = 0.0;
  for (size_t i = 0; i < rows.size(); ++i) {
    gradients[i] = values[i] - targets[rows[i]];
    loss += 0.5 * static_cast<double>(gradients[i]) * static_cast<double>(gradients[i]);
  }
  return {loss};
}

void RunningLoss::add(std::span<const float> scores, std::span<float> scratch) {
  if (loss_ == Loss::logistic) {
    total_ += softplus(scores, scratch);
    return;
  }
  const float highest = highest_of(scores);
  const auto is_nan = [](float score) { return std::isnan(score); };
  if (std::isinf(highest) && highest < 0.0f) {  // labels all of them, or no numbers
    if (std::any_of(scores.begin(), scores.end(), is_nan)) total_ = std::numeric_limits<double>::quiet_NaN();
    return;
  }
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
