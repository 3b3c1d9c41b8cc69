// The step of each optimizer on the parameters of one row.
#include <cmath>

#include "kernels/levels/lanes.h"

namespace fewfire::FEWFIRE_LEVEL {

namespace {

// How a rule changes one weight w and its moments m, v for the gradient g, which the rule without moments
// wants times the rate. Formulae in optimizer.h.
template <Rule rule>
inline void apply(const Rates& rates, float g, float& w, float& m, float& v) {
  if constexpr (rule == Rule::sgd) {
    w -= g;
  } else if constexpr (rule == Rule::momentum) {
    m = rates.momentum * m + g;
    w -= rates.lr * m;
  } else if constexpr (rule == Rule::adagrad) {
    m += g * g;
    w -= rates.lr * g / (std::sqrt(m) + rates.eps);
  } else if constexpr (rule == Rule::rms) {
    m = rates.rho * m + (1.0f - rates.rho) * (g * g);
    w -= rates.lr * g / (std::sqrt(m) + rates.eps);
  } else {
    m = rates.beta1 * m + (1.0f - rates.beta1) * g;
    v = rates.beta2 * v + (1.0f - rates.beta2) * (g * g);
    w -= rates.lr * (m * rates.correction1) / (std::sqrt(v * rates.correction2) + rates.eps);
  }
}

constexpr bool has_first(Rule rule) { return rule != Rule::sgd; }
constexpr bool has_second(Rule rule) { return rule == Rule::adam; }

constexpr int64_t kBlock = 64;  // parameters whose old values are remembered

// Scattered parameters are gathered, changed side by side, and scattered again.
template <Rule rule, class Stored>
int64_t update_scattered(const Rates& rates, Stored* weights, uint32_t key, float* first, float* second,
                         const RowId* ids, const float* values, float scale, int64_t n, RowId* flipped) {
  float before[kBlock], m[kBlock], v[kBlock];
  Stored after[kBlock];
  int64_t n_flipped = 0;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t size = n - begin < kBlock ? n - begin : kBlock;
    const RowId* block = ids + begin;
    gather(weights, block, size, before);
    if constexpr (has_first(rule)) gather(first, block, size, m);
    if constexpr (has_second(rule)) gather(second, block, size, v);
    int32_t crossed = 0;
#pragma omp simd reduction(| : crossed)
    for (int64_t i = 0; i < size; ++i) {
      float w = before[i];
      apply<rule>(rates, scale * values[begin + i], w, m[i], v[i]);
      after[i] = rounded<Stored>(w, key, block[i]);
      crossed |= (before[i] > 0.0f ? 1 : 0) ^ (widen(after[i]) > 0.0f ? 1 : 0);
    }
    scatter(after, block, size, weights);
    if constexpr (has_first(rule)) scatter(m, block, size, first);
    if constexpr (has_second(rule)) scatter(v, block, size, second);
    for (int64_t i = 0; crossed != 0 && flipped != nullptr && i < size; ++i) {
      flipped[n_flipped] = block[i];
      n_flipped += (before[i] > 0.0f) != (widen(after[i]) > 0.0f);
    }
  }
  return n_flipped;
}

template <Rule rule, class Stored>
void update_whole(const Rates& rates, Stored* weights, uint32_t key, float* first, float* second,
                  const float* values, float scale, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    float w = widen(weights[i]), m = has_first(rule) ? first[i] : 0.0f,
          v = has_second(rule) ? second[i] : 0.0f;
    apply<rule>(rates, scale * values[i], w, m, v);
    weights[i] = rounded<Stored>(w, key, i);
    if constexpr (has_first(rule)) first[i] = m;
    if constexpr (has_second(rule)) second[i] = v;
  }
}

// Whole rows that somebody watches.
template <Rule rule, class Stored>
int64_t update_watched(const Rates& rates, Stored* weights, uint32_t key, float* first, float* second,
                       const float* values, float scale, int64_t n, RowId* flipped) {
  Stored before[kBlock];
  int64_t n_flipped = 0;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t size = n - begin < kBlock ? n - begin : kBlock;
    Stored* w = weights + begin;
    std::memcpy(before, w, static_cast<size_t>(size) * sizeof(Stored));
    update_whole<rule>(rates, w, key + static_cast<uint32_t>(begin) * kNextColumn,
                       has_first(rule) ? first + begin : nullptr, has_second(rule) ? second + begin : nullptr,
                       values + begin, scale, size);
    int32_t crossed = 0;
#pragma omp simd reduction(| : crossed)
    for (int64_t i = 0; i < size; ++i)
      crossed |= (widen(before[i]) > 0.0f ? 1 : 0) ^ (widen(w[i]) > 0.0f ? 1 : 0);
    for (int64_t i = 0; crossed != 0 && i < size; ++i) {
      flipped[n_flipped] = static_cast<RowId>(begin + i);
      n_flipped += (widen(before[i]) > 0.0f) != (widen(w[i]) > 0.0f);
    }
  }
  return n_flipped;
}

template <Rule rule, class Stored>
int64_t update_as(const Rates& rates, Stored* weights, uint32_t key, float* first, float* second,
                  const RowId* ids, const float* values, float scale, int64_t n, RowId* flipped) {
  if (ids != nullptr)
    return update_scattered<rule>(rates, weights, key, first, second, ids, values, scale, n, flipped);
  if (flipped != nullptr)
    return update_watched<rule>(rates, weights, key, first, second, values, scale, n, flipped);
  update_whole<rule>(rates, weights, key, first, second, values, scale, n);
  return 0;
}

template <class Stored>
int64_t update_by(Rule rule, const Rates& rates, Stored* weights, uint32_t key, float* first, float* second,
                  const RowId* ids, const float* values, float scale, int64_t n, RowId* flipped) {
  switch (rule) {
    case Rule::sgd:
      return update_as<Rule::sgd>(rates, weights, key, first, second, ids, values, rates.lr * scale, n,
                                  flipped);
    case Rule::momentum:
      return update_as<Rule::momentum>(rates, weights, key, first, second, ids, values, scale, n, flipped);
    case Rule::adagrad:
      return update_as<Rule::adagrad>(rates, weights, key, first, second, ids, values, scale, n, flipped);
    case Rule::rms:
      return update_as<Rule::rms>(rates, weights, key, first, second, ids, values, scale, n, flipped);
    case Rule::adam:
      return update_as<Rule::adam>(rates, weights, key, first, second, ids, values, scale, n, flipped);
  }
  return 0;
}

}  // namespace

float sum_of_squares(const float* values, int64_t n) {
  float total = 0.0f;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < n; ++i) total += values[i] * values[i];
  return total;
}

int64_t update(Rule rule, const Rates& rates, const LiveWeights& row, uint32_t key, float* first,
               float* second, const RowId* ids, const float* values, float scale, int64_t n, RowId* flipped) {
  return as_stored(row, [&](auto stored) {
    return update_by(rule, rates, stored.data, key, first, second, ids, values, scale, n, flipped);
  });
}

}  // namespace fewfire::FEWFIRE_LEVEL
