#include "network/retrieval.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "base/rng.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "kernels/widen.h"

namespace fewfire {
namespace {

constexpr int64_t kGroups = 16;  // that a thread takes at a time
constexpr int64_t kAhead = 6;    // groups between asking for a row and using it
constexpr float kMasked = -std::numeric_limits<float>::infinity();

const Retrieve& gate_of(const Layer& layer) { return static_cast<const Retrieve&>(*layer.gate); }

bool contains(std::span<const uint64_t> bits, RowId row) { return bits[row >> 6] >> (row & 63) & 1; }

template <class Item>
void ask_for_row(const Layer& layer, const Groups<Item>& groups, int64_t group) {
  if (group < groups.size()) layer.weights.prefetch(groups.row(group));
}

void choose_candidates(const Layer& layer, size_t l, Workspace& space, Pool& pool) {
  Activity& activity = space.layers[l];
  pool.parallel_for(space.n_examples(), 4, [&](int64_t e, int thread) {
    ThreadSpace& own = space.threads[thread];
    gate_of(layer).propose(layer, {space.input_of(l, e), space.keys[e]}, space.labels[e], own.gates[l],
                           own.ledgers[l]);
    const std::vector<RowId>& rows = own.gates[l].candidates;
    std::copy(rows.begin(), rows.end(), activity.rows.begin() + e * activity.capacity);
    activity.counts[e] = static_cast<int64_t>(rows.size());
  });
}

void sort_visits(const Layer& layer, const Activity& activity, int64_t n_examples, Groups<Visit>& visits) {
  visits.items.resize(static_cast<size_t>(
      std::accumulate(activity.counts.begin(), activity.counts.begin() + n_examples, int64_t{0})));
  size_t i = 0;
  for (int64_t e = 0; e < n_examples; ++e)
    for (int64_t slot = e * activity.capacity; slot < e * activity.capacity + activity.counts[e]; ++slot)
      visits.items[i++] = {activity.rows[slot], static_cast<int32_t>(slot)};
  visits.sort(layer.n_rows());
}

// The examples of a group, in own.ids.
void examples_of(std::span<const Visit> group, int64_t capacity, ThreadSpace& own) {
  const uint32_t divisor = static_cast<uint32_t>(capacity);
  own.ids.resize(group.size());
  for (size_t k = 0; k < group.size(); ++k)
    own.ids[k] = static_cast<RowId>(static_cast<uint32_t>(group[k].slot) / divisor);
}

void score_visits(const Layer& layer, size_t l, Workspace& space, Pool& pool) {
  Activity& activity = space.layers[l];
  const Groups<Visit>& visits = space.retrieval.visits;
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
    own.ledgers[l].forward += n * inputs.cols;
    own.ledgers[l].rows_touched += 1;
    if (!contains(space.retrieval.is_negative, row)) own.count(l, row, n);  // those count for all examples
  });
}

// Distinct rows, a function of the examples of the micro-batch and the seed.
void draw_negatives(const Layer& layer, Workspace& space) {
  RetrievalSpace& own = space.retrieval;
  const int64_t n_rows = layer.n_rows();
  const int32_t n = static_cast<int32_t>(std::min(gate_of(layer).n_negatives(), n_rows));
  for (const RowId row : own.negatives) own.is_negative[row >> 6] = 0;
  own.is_negative.resize(static_cast<size_t>((n_rows + 63) / 64));
  own.negatives.clear();
  uint64_t key = 0;
  for (const uint64_t of_example : space.keys) key = mix(key ^ of_example);
  for (uint64_t draw = 0; std::ssize(own.negatives) < n; ++draw) {
    const RowId row = static_cast<RowId>(random_below(n_rows, random_bits(gate_of(layer).seed(), key, draw)));
    if (contains(own.is_negative, row)) continue;
    own.is_negative[row >> 6] |= uint64_t{1} << (row & 63);
    own.negatives.push_back(row);
  }
  std::sort(own.negatives.begin(), own.negatives.end());
  own.places.resize(own.is_negative.size());
  for (int32_t s = n - 1; s >= 0; --s) own.places[own.negatives[s] >> 6] = s;
}

// Where the row is among the negatives, one of which it is.
int64_t place_of(const RetrievalSpace& own, RowId row) {
  const uint64_t before = (uint64_t{1} << (row & 63)) - 1;
  return own.places[row >> 6] + std::popcount(own.is_negative[row >> 6] & before);
}

void score_negatives(const Layer& layer, size_t l, Workspace& space, Pool& pool) {
  RetrievalSpace& own = space.retrieval;
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
    space.threads[thread].ledgers[l].forward += (end - first) * batch * d;
    space.threads[thread].ledgers[l].rows_touched += end - first;
    for (int64_t s = first; s < end; ++s) space.threads[thread].count(l, own.negatives[s], batch);
  });
}

// A candidate is no negative of its example. Returns how many negatives are left.
int64_t mask_candidates(const RetrievalSpace& own, std::span<const RowId> candidates,
                        std::span<float> scores) {
  int64_t n_left = static_cast<int64_t>(scores.size());
  if (scores.empty()) return 0;
  for (const RowId row : candidates) {
    if (!contains(own.is_negative, row)) continue;
    scores[static_cast<size_t>(place_of(own, row))] = kMasked;
    --n_left;
  }
  return n_left;
}

// Gradients below the gate's `thin` become 0 or thin, by lot, so that their means stay.
void thin(const Retrieve& gate, uint64_t key, std::span<float> candidates, std::span<float> negatives) {
  if (gate.thin() <= 0.0f) return;
  const uint64_t lots = random_bits(gate.seed(), key, 0);
  kernels().thin(candidates.data(), std::ssize(candidates), gate.thin(), static_cast<uint32_t>(lots));
  kernels().thin(negatives.data(), std::ssize(negatives), gate.thin(), static_cast<uint32_t>(lots >> 32));
}

std::span<float> row_of(std::vector<float>& values, int64_t i, int64_t width) {
  return std::span(values).subspan(static_cast<size_t>(i * width), static_cast<size_t>(width));
}

// The rows that a gradient flows to, those of candidates and of negatives, in space.groups.
void collect_pairs(const Layer& layer, size_t l, Workspace& space) {
  RetrievalSpace& own = space.retrieval;
  std::vector<Pair>&pairs = space.groups.items, &scratch = space.threads[0].pairs;
  pairs.clear();
  for (int64_t e = 0; e < space.n_examples(); ++e) {
    append_nonzero(space.layers[l].active(e).ids, space.layers[l].deltas_of(e), e, scratch, pairs);
    append_nonzero(own.negatives, row_of(own.deltas, e, std::ssize(own.negatives)), e, scratch, pairs);
  }
  space.groups.sort(layer.n_rows());
}

// The deltas of the examples of these pairs, below.
void pass_down(const Layer& layer, size_t l, std::span<const Pair> pairs, Workspace& space,
               ThreadSpace& mine) {
  const int64_t d = layer.n_columns(), n = std::ssize(pairs);
  load_pairs(pairs, mine);
  kernels().spread(read_row(layer.weights, pairs[0].row, mine.widened).data(), mine.ids.data(),
                   mine.deltas.data(), n, {space.layers[l - 1].deltas.data(), space.n_examples(), d});
  mine.ledgers[l].backward += n * d;
}

// The part of a group whose examples are first .. end - 1; examples ascend in it.
std::span<const Pair> part_of(std::span<const Pair> group, int64_t first, int64_t end) {
  const auto below = [&](int64_t example) {
    return std::partition_point(group.begin(), group.end(),
                                [&](const Pair& pair) { return pair.example < example; });
  };
  return {below(first), below(end)};
}

// Several threads share a step: each takes some examples through all rows, in ascending order: the same sums
// whoever shares the examples.
void pass_down_shared(const Layer& layer, size_t l, Workspace& space, Pool& pool) {
  const Groups<Pair>& groups = space.groups;
  const int64_t batch = space.n_examples(), share = (batch + pool.size() - 1) / pool.size();
  pool.parallel_blocks(batch, share, 1, [&](int64_t first, int64_t end, int thread) {
    for (int64_t i = 0; i < groups.size(); ++i) {
      ask_for_row(layer, groups, i + kAhead);
      const std::span<const Pair> part = part_of(groups.group(i), first, end);
      if (!part.empty()) pass_down(layer, l, part, space, space.threads[thread]);
    }
  });
}

}  // namespace

bool draws_negatives(const Model& model, size_t l, const Workspace& space) {
  return space.mode == Mode::train && model.loss != Loss::squared && is_retrieval(model, l) &&
         space.has_full_input(l);
}

void forward_retrieval(const Model& model, size_t l, Workspace& space, Pool& pool) {
  const Layer& layer = model.layers[l];
  if (space.n_examples() * space.layers[l].capacity > std::numeric_limits<int32_t>::max())
    throw std::invalid_argument("a micro-batch has too many candidates: use a smaller batch_size or density");
  draw_negatives(layer, space);
  choose_candidates(layer, l, space, pool);
  sort_visits(layer, space.layers[l], space.n_examples(), space.retrieval.visits);
  score_visits(layer, l, space, pool);
  score_negatives(layer, l, space, pool);
}

double retrieval_loss(const Model& model, int64_t e, float share, Workspace& space) {
  RetrievalSpace& own = space.retrieval;
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

void backward_retrieval(const Layer& layer, size_t l, const Update& update, const OptimizerState& state,
                        Workspace& space, Pool& pool) {
  const Groups<Pair>& groups = space.groups;
  collect_pairs(layer, l, space);
  std::vector<float>& below = space.layers[l - 1].deltas;
  std::fill(below.begin(), below.begin() + space.n_examples() * layer.n_columns(), 0.0f);
  const bool shared = pool.size() > 1;
  if (shared) pass_down_shared(layer, l, space, pool);
  pool.parallel_for(groups.size(), kGroups, [&](int64_t i, int thread) {
    ask_for_row(layer, groups, i + kAhead);
    if (i + kAhead < groups.size()) state.prefetch(groups.row(i + kAhead));
    ThreadSpace& mine = space.threads[thread];
    if (!shared) pass_down(layer, l, groups.group(i), space, mine);
    update_pairs(layer, l, groups.group(i), update, state, space, mine);
  });
}

}  // namespace fewfire
