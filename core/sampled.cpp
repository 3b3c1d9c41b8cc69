#include "sampled.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "kernels.h"
#include "rng.h"
#include "rows.h"
#include "simd.h"

namespace fewfire {
namespace {

constexpr int64_t kGroups = 16;  // that a thread takes at a time
constexpr int64_t kAhead = 6;    // groups between asking for a row and using it
constexpr float kMasked = -std::numeric_limits<float>::infinity();

const Sampled& gate_of(const Layer& layer) { return static_cast<const Sampled&>(*layer.gate); }

bool contains(std::span<const uint64_t> bits, RowId row) { return bits[row >> 6] >> (row & 63) & 1; }

void ask_for_row(const Layer& layer, const Groups<Visit>& visits, int64_t group) {
  if (group < visits.size()) layer.weights.prefetch(visits.items[visits.begins[group]].row);
}

void choose_candidates(const Layer& layer, size_t l, Workspace& space, Pool& pool) {
  Activity& activity = space.layers[l];
  pool.parallel_for(space.n_examples(), 4, [&](int64_t e, int thread) {
    ThreadSpace& own = space.threads[thread];
    gate_of(layer).propose(layer, {space.input_of(l, e), space.keys[e]}, space.labels[e], own.scratch,
                           own.tallies[l]);
    const std::vector<RowId>& rows = own.scratch.candidates;
    std::copy(rows.begin(), rows.end(), activity.rows.begin() + e * activity.capacity);
    activity.counts[e] = static_cast<int64_t>(rows.size());
    for (const RowId row : rows)  // negatives are computed for all examples anyway
      if (!contains(space.sampled.is_negative, row)) own.count(l, row, 1);
  });
}

void sort_visits(const Layer& layer, const Activity& activity, int64_t n_examples, Groups<Visit>& visits) {
  visits.items.clear();
  for (int64_t e = 0; e < n_examples; ++e)
    for (int64_t slot = e * activity.capacity; slot < e * activity.capacity + activity.counts[e]; ++slot)
      visits.items.push_back({activity.rows[slot], static_cast<int32_t>(slot)});
  visits.sort(layer.n_rows());
}

// The examples of a group, in own.ids.
void examples_of(std::span<const Visit> group, int64_t capacity, ThreadSpace& own) {
  own.ids.clear();
  for (const Visit& visit : group) own.ids.push_back(static_cast<RowId>(visit.slot / capacity));
}

void score_visits(const Layer& layer, size_t l, Workspace& space, Pool& pool) {
  Activity& activity = space.layers[l];
  const Groups<Visit>& visits = space.sampled.visits;
  const Matrix<const float> inputs = space.input_matrix(l);
  pool.parallel_for(visits.size(), kGroups, [&](int64_t i, int thread) {
    ThreadSpace& own = space.threads[thread];
    ask_for_row(layer, visits, i + kAhead);
    const std::span<const Visit> group = visits.group(i);
    const RowId row = group[0].row;
    const int64_t n = static_cast<int64_t>(group.size());
    examples_of(group, activity.capacity, own);
    own.values.resize(group.size());
    kernels().score_inputs(Weights(layer.weights).row(row), inputs, own.ids.data(), n, own.values.data());
    for (int64_t k = 0; k < n; ++k) activity.values[group[k].slot] = own.values[k] + layer.bias[row];
    own.tallies[l].forward += n * inputs.cols;
    own.tallies[l].rows_touched += 1;
  });
}

// Distinct rows, a function of the examples of the micro-batch and the seed.
void draw_negatives(const Layer& layer, Workspace& space) {
  SampledSpace& own = space.sampled;
  const int64_t n_rows = layer.n_rows(), n = std::min(gate_of(layer).n_negatives(), n_rows);
  for (const RowId row : own.negatives) own.is_negative[row >> 6] = 0;
  own.is_negative.resize(static_cast<size_t>((n_rows + 63) / 64));
  own.negatives.clear();
  uint64_t key = 0;
  for (const uint64_t of_example : space.keys) key = mix(key ^ of_example);
  for (uint64_t draw = 0; static_cast<int64_t>(own.negatives.size()) < n; ++draw) {
    const RowId row = static_cast<RowId>(random_below(n_rows, random_bits(gate_of(layer).seed(), key, draw)));
    if (contains(own.is_negative, row)) continue;
    own.is_negative[row >> 6] |= uint64_t{1} << (row & 63);
    own.negatives.push_back(row);
  }
  std::sort(own.negatives.begin(), own.negatives.end());
}

void score_negatives(const Layer& layer, size_t l, Workspace& space, Pool& pool) {
  SampledSpace& own = space.sampled;
  const int64_t n = static_cast<int64_t>(own.negatives.size()), d = layer.n_columns();
  const int64_t batch = space.n_examples();
  own.weights.resize(static_cast<size_t>(n * d));
  own.bias.resize(static_cast<size_t>(n));
  own.scores.resize(static_cast<size_t>(batch * n));
  own.deltas.resize(own.scores.size());
  pool.parallel_blocks(n, kGroups, 1, [&](int64_t first, int64_t end, int thread) {
    for (int64_t s = first; s < end; ++s) layer.weights.prefetch(own.negatives[s]);
    for (int64_t s = first; s < end; ++s) {
      const std::span<const float> row =
          read_row(layer.weights, own.negatives[s], space.threads[thread].widened);
      std::copy(row.begin(), row.end(), own.weights.begin() + s * d);
      own.bias[s] = layer.bias[own.negatives[s]];
    }
    kernels().score_block({own.weights.data(), n, d}, own.bias.data(), first, end - first,
                          space.input_matrix(l), own.scores.data() + first, n);
    space.threads[thread].tallies[l].forward += (end - first) * batch * d;
    space.threads[thread].tallies[l].rows_touched += end - first;
    for (int64_t s = first; s < end; ++s) space.threads[thread].count(l, own.negatives[s], batch);
  });
}

// A candidate is no negative of its example. Returns how many negatives are left.
int64_t mask_candidates(const SampledSpace& own, std::span<const RowId> candidates, std::span<float> scores) {
  int64_t n_left = static_cast<int64_t>(scores.size());
  if (scores.empty()) return 0;
  for (const RowId row : candidates) {
    if (!contains(own.is_negative, row)) continue;
    const auto at = std::lower_bound(own.negatives.begin(), own.negatives.end(), row);
    scores[static_cast<size_t>(at - own.negatives.begin())] = kMasked;
    --n_left;
  }
  return n_left;
}

// Gradients below the gate's `thin` become 0 or thin, by lot, so that their means stay.
void thin(const Sampled& gate, uint64_t key, std::span<float> candidates, std::span<float> negatives) {
  if (gate.thin() <= 0.0f) return;
  const float scale = 65536.0f / gate.thin();
  uint64_t draw = 0, bits = 0;
  for (const std::span<float> deltas : {candidates, negatives})
    for (float& delta : deltas) {
      bits = draw++ % 4 == 0 ? random_bits(gate.seed(), key, draw) : bits >> 16;
      const float size = std::abs(delta);
      if (size >= gate.thin() || std::isnan(size)) continue;
      const bool stays = static_cast<float>(bits & 0xffff) + 0.5f < size * scale;
      delta = stays ? std::copysign(gate.thin(), delta) : 0.0f;
    }
}

std::span<float> row_of(std::vector<float>& values, int64_t i, int64_t width) {
  return std::span(values).subspan(static_cast<size_t>(i * width), static_cast<size_t>(width));
}

// The places of deltas, `stride` apart, that are not 0, in mine.ids, and the deltas.
void load_nonzero(const float* deltas, int64_t stride, int64_t n, ThreadSpace& mine) {
  mine.ids.clear();
  mine.deltas.clear();
  for (int64_t i = 0; i < n; ++i) {
    if (deltas[i * stride] == 0.0f) continue;
    mine.ids.push_back(static_cast<RowId>(i));
    mine.deltas.push_back(deltas[i * stride]);
  }
}

// gradients[s] = sum over examples of delta * input
void sum_negatives(size_t l, Workspace& space, Pool& pool) {
  SampledSpace& own = space.sampled;
  const Matrix<const float> inputs = space.input_matrix(l);
  const int64_t n = static_cast<int64_t>(own.negatives.size()), batch = inputs.rows;
  own.gradients.assign(static_cast<size_t>(n * inputs.cols), 0.0f);
  own.bias_gradients.assign(static_cast<size_t>(n), 0.0f);
  own.settled.assign(static_cast<size_t>(n), 0);
  pool.parallel_for(n, kGroups, [&](int64_t s, int thread) {
    ThreadSpace& mine = space.threads[thread];
    load_nonzero(own.deltas.data() + s, n, batch, mine);
    for (const float delta : mine.deltas) own.bias_gradients[s] += delta;
    own.settled[s] = mine.deltas.empty();
    const int64_t n_nonzero = static_cast<int64_t>(mine.ids.size());
    kernels().weighted_sum(inputs, mine.ids.data(), 0, mine.deltas.data(), n_nonzero,
                           row_of(own.gradients, s, inputs.cols).data());
    mine.tallies[l].backward += n_nonzero * inputs.cols;
  });
}

// The deltas of the examples first .. end - 1 below, from all rows in ascending order: the same sums whoever
// shares the examples.
void pass_down(const Layer& layer, size_t l, int64_t first, int64_t end, Workspace& space,
               ThreadSpace& mine) {
  const SampledSpace& own = space.sampled;
  const int64_t d = layer.n_columns(), n = static_cast<int64_t>(own.negatives.size());
  const Matrix<float> below{space.layers[l - 1].deltas.data(), space.n_examples(), d};
  std::fill(below.data + first * d, below.data + end * d, 0.0f);
  for (int64_t e = first; e < end; ++e) {
    load_nonzero(own.deltas.data() + e * n, 1, n, mine);
    const int64_t n_nonzero = static_cast<int64_t>(mine.ids.size());
    kernels().weighted_sum({own.weights.data(), n, d}, mine.ids.data(), 0, mine.deltas.data(), n_nonzero,
                           below.row(e).data());
    mine.tallies[l].backward += n_nonzero * d;
  }
}

void spread_row(const Layer& layer, size_t l, std::span<const Visit> group, Workspace& space,
                ThreadSpace& mine) {
  const int64_t d = layer.n_columns();
  const Matrix<float> below{space.layers[l - 1].deltas.data(), space.n_examples(), d};
  const int64_t n = static_cast<int64_t>(mine.ids.size());
  kernels().spread(read_row(layer.weights, group[0].row, mine.widened).data(), mine.ids.data(),
                   mine.deltas.data(), n, below);
  mine.tallies[l].backward += n * d;
}

// The examples of a group with a gradient, in mine.ids, and their deltas.
void load_group(const Activity& activity, std::span<const Visit> group, ThreadSpace& mine) {
  mine.ids.clear();
  mine.deltas.clear();
  for (const Visit& visit : group) {
    const float delta = activity.deltas[visit.slot];
    if (delta == 0.0f) continue;
    mine.ids.push_back(static_cast<RowId>(visit.slot / activity.capacity));
    mine.deltas.push_back(delta);
  }
}

// Asks for the row of a group only if it will change.
void ask_for_changed(const Layer& layer, const Activity& activity, const Groups<Visit>& visits, int64_t i) {
  if (i >= visits.size()) return;
  for (const Visit& visit : visits.group(i))
    if (activity.deltas[visit.slot] != 0.0f) return ask_for_row(layer, visits, i);
}

// The part of a group whose examples are first .. end - 1; examples ascend in it.
std::span<const Visit> part_of(std::span<const Visit> group, int64_t capacity, int64_t first, int64_t end) {
  const auto below = [&](int64_t example) {
    return std::partition_point(group.begin(), group.end(),
                                [&](const Visit& visit) { return visit.slot < example * capacity; });
  };
  return {below(first), below(end)};
}

// Several threads share a step: each takes some examples through all rows.
void pass_down_shared(const Layer& layer, size_t l, Workspace& space, Pool& pool) {
  const Activity& activity = space.layers[l];
  const Groups<Visit>& visits = space.sampled.visits;
  const int64_t batch = space.n_examples(), share = (batch + pool.size() - 1) / pool.size();
  pool.parallel_blocks(batch, share, 1, [&](int64_t first, int64_t end, int thread) {
    ThreadSpace& mine = space.threads[thread];
    pass_down(layer, l, first, end, space, mine);
    for (int64_t i = 0; i < visits.size(); ++i) {
      ask_for_changed(layer, activity, visits, i + kAhead);
      const std::span<const Visit> part = part_of(visits.group(i), activity.capacity, first, end);
      load_group(activity, part, mine);
      if (mine.ids.empty()) continue;
      spread_row(layer, l, part, space, mine);
    }
  });
}

// Where the row is among the negatives; -1 if it is none with a gradient.
int64_t find_negative(const SampledSpace& own, RowId row) {
  if (own.negatives.empty() || !contains(own.is_negative, row)) return -1;
  const auto at = std::lower_bound(own.negatives.begin(), own.negatives.end(), row);
  const int64_t s = at - own.negatives.begin();
  return own.settled[s] ? -1 : s;
}

// The gradient of a row from the visits that `mine` holds and, if it is negative s, from there.
RowGradient gradient_of(size_t l, int64_t s, Workspace& space, ThreadSpace& mine) {
  SampledSpace& own = space.sampled;
  const Matrix<const float> inputs = space.input_matrix(l);
  const int64_t n = static_cast<int64_t>(mine.ids.size());
  mine.tallies[l].backward += n * inputs.cols;
  if (s < 0 && n == 1)
    return {.ids = {}, .values = inputs.row(mine.ids[0]), .scale = mine.deltas[0], .bias = mine.deltas[0]};
  RowGradient gradient;
  if (s >= 0) {
    own.settled[s] = 1;
    const std::span<float> from = row_of(own.gradients, s, inputs.cols);
    mine.gradient.assign(from.begin(), from.end());
    gradient.bias = own.bias_gradients[s];
  } else {
    mine.gradient.assign(static_cast<size_t>(inputs.cols), 0.0f);
  }
  kernels().weighted_sum(inputs, mine.ids.data(), 0, mine.deltas.data(), n, mine.gradient.data());
  gradient.values = mine.gradient;
  for (const float delta : mine.deltas) gradient.bias += delta;
  return gradient;
}

}  // namespace

bool is_sampled(const Model& model, size_t l, const Workspace& space) {
  return space.mode == Mode::train && model.loss != Loss::squared && is_retrieval(model, l) &&
         space.has_full_input(l);
}

void forward_sampled(const Model& model, size_t l, Workspace& space, Pool& pool) {
  const Layer& layer = model.layers[l];
  if (space.n_examples() * space.layers[l].capacity > std::numeric_limits<int32_t>::max())
    throw std::invalid_argument("a micro-batch has too many candidates: use a smaller batch_size or density");
  draw_negatives(layer, space);
  choose_candidates(layer, l, space, pool);
  sort_visits(layer, space.layers[l], space.n_examples(), space.sampled.visits);
  score_visits(layer, l, space, pool);
  score_negatives(layer, l, space, pool);
}

double sampled_loss(const Model& model, int64_t e, float share, Workspace& space) {
  SampledSpace& own = space.sampled;
  Activity& output = space.layers.back();
  const int64_t n = static_cast<int64_t>(own.negatives.size()), n_rows = model.layers.back().n_rows();
  const SparseVector candidates = output.active(e);
  const std::span<float> scores = row_of(own.scores, e, n);
  const int64_t n_left = mask_candidates(own, candidates.ids, scores);
  const float weight =
      n_left > 0 ? static_cast<float>(n_rows - candidates.size()) / static_cast<float>(n_left) : 1.0f;
  const std::span<float> deltas = row_of(own.deltas, e, n);
  const double loss = loss_of_sample(model.loss,
                                     {.candidates = candidates.values,
                                      .n_labels = static_cast<int64_t>(space.labels[e].size()),
                                      .negatives = scores,
                                      .weight = weight},
                                     output.deltas_of(e), deltas);
  thin(gate_of(model.layers.back()), space.keys[e], output.deltas_of(e), deltas);
  for (float& delta : deltas) delta *= share;
  return loss;
}

void backward_sampled(const Layer& layer, size_t l, const Update& update, const OptimizerState& state,
                      Workspace& space, Pool& pool) {
  SampledSpace& own = space.sampled;
  const Activity& activity = space.layers[l];
  sum_negatives(l, space, pool);
  const bool shared = pool.size() > 1;
  if (shared)
    pass_down_shared(layer, l, space, pool);
  else
    pass_down(layer, l, 0, space.n_examples(), space, space.threads[0]);
  pool.parallel_for(own.visits.size(), kGroups, [&](int64_t i, int thread) {
    ThreadSpace& mine = space.threads[thread];
    ask_for_changed(layer, activity, own.visits, i + kAhead);
    const std::span<const Visit> group = own.visits.group(i);
    load_group(activity, group, mine);
    if (mine.ids.empty()) return;
    if (!shared) spread_row(layer, l, group, space, mine);
    const RowId row = group[0].row;
    const int64_t s = find_negative(own, row);
    fewfire::update(layer, l, row, gradient_of(l, s, space, mine), update, state, space, mine);
  });
  pool.parallel_for(static_cast<int64_t>(own.negatives.size()), kGroups, [&](int64_t s, int thread) {
    if (own.settled[s]) return;
    const RowGradient gradient{
        .ids = {}, .values = row_of(own.gradients, s, layer.n_columns()), .bias = own.bias_gradients[s]};
    fewfire::update(layer, l, own.negatives[s], gradient, update, state, space, space.threads[thread]);
  });
}

}  // namespace fewfire
