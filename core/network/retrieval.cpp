// The last layer of a net with very many rows, in training, above a layer whose values are a full matrix. An
// example computes
//   - its labels and the candidates that the index proposes, and
//   - negatives (negatives.h), which stand for all other rows (loss.h).
// What a step costs depends on the rows it touches alone: visits (row, example) are sorted by row, so that a
// row is read once to be scored for all examples that chose it, and pairs with a gradient once more, so that
// it is read once to pass them on and be changed; rows are asked for before their turn. Prediction computes
// the candidates, as a gated layer does.
#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "base/rng.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"
#include "kernels/widen.h"
#include "network/negatives.h"
#include "network/update.h"

namespace fewfire {
namespace {

constexpr int64_t kGroups = 16;  // that a thread takes at a time
constexpr int64_t kAhead = 6;    // groups between asking for a row and using it

// A candidate of an example: where its score lies among all of them.
struct Visit {
  RowId row;
  int32_t slot;
};

struct RetrievalSpace : KindSpace {
  Groups<Visit> visits;
  Negatives negatives;
};

std::unique_ptr<KindSpace> make_space() { return std::make_unique<RetrievalSpace>(); }

RetrievalSpace& space_of(size_t l, Workspace& space) {
  return static_cast<RetrievalSpace&>(*space.of_kinds[l]);
}

const Retrieve& gate_of(const Layer& layer) { return static_cast<const Retrieve&>(*layer.gate); }

// Not for the squared loss: a value that nobody computes costs nothing.
bool fits(const Model& model, size_t l, Mode mode) {
  return mode == Mode::train && model.loss != Loss::squared && is_retrieval(model, l) &&
         model.is_full_below(l);
}

bool is_full(const Model&, size_t) { return false; }

int64_t capacity(const Layer& layer, int64_t n_labels, Mode mode) {
  return layer.gate->capacity(layer.n_rows(), n_labels, mode);
}

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
  const Groups<Visit>& visits = space_of(l, space).visits;
  const Negatives& negatives = space_of(l, space).negatives;
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
    if (!negatives.contains(row)) own.count(l, row, n);  // those count for all examples
  });
}

// Distinct rows, a function of the examples of the micro-batch and the seed.
void draw_negatives(const Layer& layer, size_t l, Workspace& space) {
  uint64_t key = 0;
  for (const uint64_t of_example : space.keys) key = mix(key ^ of_example);
  const Retrieve& gate = gate_of(layer);
  space_of(l, space).negatives.draw(gate.n_negatives(), layer.n_rows(), gate.draws(), gate.seed(), key);
}

void score_negatives(const Layer& layer, size_t l, Workspace& space, Pool& pool) {
  Negatives& negatives = space_of(l, space).negatives;
  const int64_t batch = space.n_examples(), d = layer.n_columns();
  negatives.make_room(batch, d);
  pool.parallel_blocks(negatives.size(), kGroups, 1, [&](int64_t first, int64_t end, int thread) {
    ThreadSpace& own = space.threads[thread];
    negatives.score(layer, first, end, space.input_matrix(l), own.widened);
    own.ledgers[l].forward += (end - first) * batch * d;
    own.ledgers[l].rows_touched += end - first;
    for (int64_t s = first; s < end; ++s) own.count(l, negatives.rows()[s], batch);
  });
}

void forward(const Model& model, size_t l, Workspace& space, Pool& pool) {
  const Layer& layer = model.layers[l];
  if (space.n_examples() * space.layers[l].capacity > std::numeric_limits<int32_t>::max())
    throw std::invalid_argument("a micro-batch has too many candidates: use a smaller batch_size or density");
  draw_negatives(layer, l, space);
  choose_candidates(layer, l, space, pool);
  sort_visits(layer, space.layers[l], space.n_examples(), space_of(l, space).visits);
  score_visits(layer, l, space, pool);
  score_negatives(layer, l, space, pool);
}

// Gradients below the gate's `thin` become 0 or thin, by lot, so that their means stay.
void thin(const Retrieve& gate, uint64_t key, std::span<float> candidates, std::span<float> negatives) {
  if (gate.thin() <= 0.0f) return;
  const uint64_t lots = random_bits(gate.seed(), key, 0);
  kernels().thin(candidates.data(), std::ssize(candidates), gate.thin(), static_cast<uint32_t>(lots));
  kernels().thin(negatives.data(), std::ssize(negatives), gate.thin(), static_cast<uint32_t>(lots >> 32));
}

LossOf loss_of_example(const Model& model, const Targets&, int64_t, int64_t e, Workspace& space) {
  const size_t l = model.layers.size() - 1;
  Negatives& negatives = space_of(l, space).negatives;
  Activity& output = space.layers[l];
  const SparseVector candidates = output.active(e);
  const int64_t n_left = negatives.mask(candidates.ids, e), n_rows = model.layers[l].n_rows();
  const float weight =
      n_left > 0 ? static_cast<float>(n_rows - candidates.size()) / static_cast<float>(n_left) : 1.0f;
  const std::span<float> deltas = negatives.deltas_of(e);
  const LossOf loss = loss_of_sample(model.loss,
                                     {.candidates = candidates.values,
                                      .n_labels = static_cast<int64_t>(space.labels[e].size()),
                                      .negatives = negatives.scores_of(e),
                                      .weight = negatives.stands_for().empty() ? weight : 1.0f,
                                      .weights = negatives.stands_for()},
                                     output.deltas_of(e), deltas);
  thin(gate_of(model.layers[l]), space.keys[e], output.deltas_of(e), deltas);
  return loss;
}

// Those of the candidates have been (step.cpp).
void scale_negatives(size_t l, Workspace& space, Pool& pool) {
  Negatives& negatives = space_of(l, space).negatives;
  pool.parallel_for(space.n_examples(), 16, [&](int64_t e, int) {
    for (float& delta : negatives.deltas_of(e)) delta *= space.scales[e];
  });
}

// The rows that a gradient flows to, those of candidates and of negatives, in space.groups.
void collect_pairs(const Layer& layer, size_t l, Workspace& space) {
  Negatives& negatives = space_of(l, space).negatives;
  std::vector<Pair>&pairs = space.groups.items, &scratch = space.threads[0].pairs;
  pairs.clear();
  for (int64_t e = 0; e < space.n_examples(); ++e) {
    append_nonzero(space.layers[l].active(e).ids, space.layers[l].deltas_of(e), e, scratch, pairs);
    append_nonzero(negatives.rows(), negatives.deltas_of(e), e, scratch, pairs);
  }
  space.groups.sort(layer.n_rows());
}

// The deltas of the examples of these pairs, below.
void pass_down_pairs(const Layer& layer, size_t l, std::span<const Pair> pairs, Workspace& space,
                     ThreadSpace& mine) {
  const int64_t d = layer.n_columns(), n = std::ssize(pairs);
  load_pairs(pairs, mine);
  kernels().spread(read_row(layer.weights, pairs[0].row, mine.widened).data(), mine.ids.data(),
                   mine.deltas.data(), n, {space.below(l).deltas.data(), space.n_examples(), d});
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

// The pairs of a step that begins its way back, and deltas of 0 below.
void begin(const Layer& layer, size_t l, Workspace& space, Pool& pool) {
  scale_negatives(l, space, pool);
  collect_pairs(layer, l, space);
  std::vector<float>& below = space.below(l).deltas;
  std::fill(below.begin(), below.begin() + space.n_examples() * layer.n_columns(), 0.0f);
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
      if (!part.empty()) pass_down_pairs(layer, l, part, space, space.threads[thread]);
    }
  });
}

void pass_down(const Model& model, size_t l, Workspace& space, Pool& pool) {
  begin(model.layers[l], l, space, pool);
  pass_down_shared(model.layers[l], l, space, pool);
}

// Of the pairs in space.groups.
void update_grouped(const LayerStep& step, bool passes_down, Workspace& space, Pool& pool) {
  const Groups<Pair>& groups = space.groups;
  pool.parallel_for(groups.size(), kGroups, [&](int64_t i, int thread) {
    ask_for_row(step.layer, groups, i + kAhead);
    if (i + kAhead < groups.size()) step.state.prefetch(groups.row(i + kAhead));
    ThreadSpace& mine = space.threads[thread];
    if (passes_down) pass_down_pairs(step.layer, step.l, groups.group(i), space, mine);
    apply_pairs(step, groups.group(i), space, mine);
  });
}

void update(const LayerStep& step, Workspace& space, Pool& pool) {
  collect_pairs(step.layer, step.l, space);  // other layers have used the groups since
  update_grouped(step, false, space, pool);
}

void pass_down_and_update(const LayerStep& step, Workspace& space, Pool& pool) {
  begin(step.layer, step.l, space, pool);
  const bool shared = pool.size() > 1;
  if (shared) pass_down_shared(step.layer, step.l, space, pool);
  update_grouped(step, !shared, space, pool);
}

}  // namespace

extern const LayerKind kRetrieval;
const LayerKind kRetrieval{.fits = fits,
                           .is_full = is_full,
                           .capacity = capacity,
                           .forward = forward,
                           .loss = loss_of_example,
                           .pass_down = pass_down,
                           .update = update,
                           .space = make_space,
                           .pass_down_and_update = pass_down_and_update};

}  // namespace fewfire
