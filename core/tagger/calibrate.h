// Likelihoods as probabilities, in the same order: logit q = a ln p - b ln(1 - p) + c, with a and b above 0
// (beta calibration: Kull, Silva Filho, Flach, AISTATS 2017, section 4).
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

namespace fewfire {

constexpr double kSurest = 1.0 - 1e-5;  // of a likelihood: no answer is certain

// In place; -inf, where there is no likelihood, stays.
inline void calibrate(std::span<float> likelihoods, double a, double b, double c) {
  for (float& likelihood : likelihoods) {
    if (!std::isfinite(likelihood)) continue;
    const double p = std::clamp(static_cast<double>(likelihood), 0.0, kSurest);
    likelihood = static_cast<float>(1.0 / (1.0 + std::exp(b * std::log1p(-p) - a * std::log(p) - c)));
  }
}

}  // namespace fewfire
