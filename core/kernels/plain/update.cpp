// The step of each optimizer, one parameter after the other.
#include <cmath>

#include "kernels/levels/level.h"

namespace fewfire::plain {

namespace {

// The weight w after the gradient g, which the rule without moments wants times the rate; moments are changed
// in place. Formulae in optimizer.h.
float moved(Rule rule, const Rates& rates, float w, float g, float* m, float* v) {
  switch (rule) {
    case Rule::sgd:
      return w - g;
    case Rule::momentum:
      *m = rates.momentum * *m + g;
      return w - rates.lr * *m;
    case Rule::adagrad:
      *m += g * g;
      return w - rates.lr * g / (std::sqrt(*m) + rates.eps);
    case Rule::rms:
      *m = rates.rho * *m + (1.0f - rates.rho) * (g * g);
      return w - rates.lr * g / (std::sqrt(*m) + rates.eps);
    case Rule::adam:
      *m = rates.beta1 * *m + (1.0f - rates.beta1) * g;
      *v = rates.beta2 * *v + (1.0f - rates.beta2) * (g * g);
      return w - rates.lr * (*m * rates.correction1) / (std::sqrt(*v * rates.correction2) + rates.eps);
  }
  return w;
}

template <class Stored>
int64_t update_of(Rule rule, const Rates& rates, Stored* weights, uint32_t key, float* first, float* second,
                  const RowId* ids, const float* values, float scale, int64_t n, RowId* flipped) {
  const auto moment = [](float* moments, RowId id) { return moments != nullptr ? moments + id : nullptr; };
  int64_t n_flipped = 0;
  if (rule == Rule::sgd) scale *= rates.lr;
  for (int64_t i = 0; i < n; ++i) {
    const RowId id = ids != nullptr ? ids[i] : static_cast<RowId>(i);
    const float before = widen(weights[id]);
    const float after = moved(rule, rates, before, scale * values[i], moment(first, id), moment(second, id));
    weights[id] = rounded<Stored>(after, key, id);
    if (flipped != nullptr && (before > 0.0f) != (widen(weights[id]) > 0.0f)) flipped[n_flipped++] = id;
  }
  return n_flipped;
}

}  // namespace

int64_t update(Rule rule, const Rates& rates, const LiveWeights& row, uint32_t key, float* first,
               float* second, const RowId* ids, const float* values, float scale, int64_t n, RowId* flipped) {
  if (row.halves != nullptr)
    return update_of(rule, rates, row.halves, key, first, second, ids, values, scale, n, flipped);
  return update_of(rule, rates, row.floats, key, first, second, ids, values, scale, n, flipped);
}

}  // namespace fewfire::plain
