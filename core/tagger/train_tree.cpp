#include "tagger/train_tree.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/pool.h"
#include "kernels/dispatch.h"
#include "kernels/kernels.h"

namespace fewfire {
namespace {

struct Space {  // scratch of one thread
  RowBuffer buffer;
  std::vector<std::vector<RowId>> targets;  // per level: children with a label below them, ascending
  std::vector<Opened> visits;
  std::vector<Candidate> candidates;
  Rows rows;
  std::vector<float> scores, signs, deltas, coefficients;
  std::vector<int32_t> lines;
  std::vector<float> shared;  // sums of values per shared row; 0 between nodes
  TreeTotals totals;
};

void find_targets(const Tree& tree, std::span<const RowId> labels, Space& space) {
  space.targets.resize(tree.levels.size());
  space.targets.back().assign(labels.begin(), labels.end());
  for (size_t l = tree.levels.size() - 1; l > 0; --l) {
    std::vector<RowId>& above = space.targets[l - 1];
    above.clear();
    for (const RowId child : space.targets[l])
      if (const RowId node = tree.levels[l].parents[child]; above.empty() || above.back() != node)
        above.push_back(node);
  }
}

// Of one line of children: deltas[c] = scale * d loss / d score, and the sum of their losses. signs[c]: 1 of
// a child with a target below it, -1 of others, 0 of a column without a child.
float compare_line(TreeLoss kind, const float* scores, const float* signs, float scale, float* deltas) {
  float loss = 0.0f;
  if (kind == TreeLoss::squared_hinge) {
#pragma omp simd reduction(+ : loss)
    for (int64_t c = 0; c < kColumns; ++c) {
      const float gap = std::max(0.0f, std::abs(signs[c]) - signs[c] * scores[c]);
      loss += 0.5f * gap * gap;
      deltas[c] = -signs[c] * gap * scale;
    }
    return loss;
  }
  for (int64_t c = 0; c < kColumns; ++c) {
    if (signs[c] == 0.0f) continue;
    loss -= log_likelihood(kind, signs[c] * scores[c]);
    deltas[c] = scale * (1.0f / (1.0f + std::exp(-scores[c])) - (signs[c] > 0.0f ? 1.0f : 0.0f));
  }
  return loss;
}

// Leaves out deltas that are too small; whether any is left.
bool thin(float least, float* deltas) {
  int32_t is_left = 0;
#pragma omp simd reduction(| : is_left)
  for (int64_t c = 0; c < kColumns; ++c) {
    deltas[c] = std::abs(deltas[c]) < least ? 0.0f : deltas[c];
    is_left |= deltas[c] != 0.0f ? 1 : 0;
  }
  return is_left != 0;
}

// deltas[c] of all children of a node from their scores; lists the cache lines that have any.
void compare(const Level& level, const Opened& visit, std::span<const RowId> targets, float weight,
             const TreeOptions& options, Space& space) {
  const int64_t first = level.children[visit.node], n = level.n_children(visit.node);
  space.signs.assign(space.scores.size(), 0.0f);
  std::fill(space.signs.begin(), space.signs.begin() + n, -1.0f);
  for (auto target = std::lower_bound(targets.begin(), targets.end(), static_cast<RowId>(first));
       target != targets.end() && *target < first + n; ++target)
    space.signs[static_cast<size_t>(*target - first)] = 1.0f;
  space.deltas.assign(space.scores.size(), 0.0f);
  space.lines.clear();
  const float scale = visit.is_positive ? 1.0f : options.negative_scale;
  for (int64_t begin = 0; begin < n; begin += kColumns) {
    float* deltas = space.deltas.data() + begin;
    space.totals.loss += weight * compare_line(options.loss, space.scores.data() + begin,
                                               space.signs.data() + begin, scale, deltas);
    if (thin(options.thin, deltas)) space.lines.push_back(static_cast<int32_t>(begin / kColumns));
  }
}

// The step that `weight` copies of an example take one after another: each shortens the way to where its loss
// is least, so they never go beyond it (Karampatziakis & Langford, UAI 2011, on one score).
float rate_of_copies(TreeLoss kind, float lr, float weight) {
  if (weight <= 1.0f) return lr * weight;
  const float curvature = kind == TreeLoss::squared_hinge ? 1.0f : 0.25f, step = lr * curvature;
  return step >= 1.0f ? lr : (1.0f - std::pow(1.0f - step, weight)) / curvature;
}

void update_bias(const Level& level, int64_t node, float lr, float weight, Space& space) {
  float* bias = level.bias.data() + level.columns[node];
  float* moments = level.bias_moments.data() + level.columns[node];
  const float* deltas = space.deltas.data();
  for (const int32_t line : space.lines)
#pragma omp simd
    for (int64_t c = line * kColumns; c < (line + 1) * kColumns; ++c) {
      const float g = weight * deltas[c];
      moments[c] += g * g;
      bias[c] -= g == 0.0f ? 0.0f : lr * g / std::sqrt(moments[c]);
    }
}

// Columns that have learned much learn more slowly: frequent children average over more examples. The sums of
// squared gradients are those of the biases.
void slow_down(const Level& level, int64_t node, float slowing, Space& space) {
  const float* moments = level.bias_moments.data() + level.columns[node];
  float* deltas = space.deltas.data();
  for (const int32_t line : space.lines)
#pragma omp simd
    for (int64_t c = line * kColumns; c < (line + 1) * kColumns; ++c)
      deltas[c] /= std::sqrt(std::sqrt(1.0f + slowing * moments[c]));
}

// The squared length of an example as a node sees it: features that share a row add up there, so it may be
// far above 1, and steps of the usual size would overshoot.
float seen_square(const Level& level, int64_t node, std::span<const RowId> rows, SparseVector x,
                  Space& space) {
  const int64_t known = level.known[node];
  space.shared.resize(std::max(space.shared.size(), static_cast<size_t>(level.n_shared(node))));
  float total = 0.0f;
  for (int64_t k = 0; k < x.size(); ++k) {
    if (rows[k] < known)
      total += x.values[k] * x.values[k];
    else
      space.shared[rows[k] - known] += x.values[k];
  }
  for (const RowId row : rows) {
    if (row < known) continue;
    float& sum = space.shared[row - known];
    total += sum * sum;
    sum = 0.0f;
  }
  return total;
}

void update_node(const Level& level, int64_t node, std::span<const RowId> rows, SparseVector x, float lr,
                 float bias_lr, float slowing, float weight, Space& space) {
  if (space.lines.empty()) return;
  update_bias(level, node, bias_lr, weight, space);
  if (slowing > 0.0f) slow_down(level, node, slowing, space);
  lr /= std::max(1.0f, seen_square(level, node, rows, x, space));
  space.coefficients.resize(static_cast<size_t>(x.size()));
  for (int64_t k = 0; k < x.size(); ++k) space.coefficients[k] = -lr * x.values[k];
  kernels().spread_lines(space.deltas.data(), space.lines.data(), static_cast<int64_t>(space.lines.size()),
                         rows.data(), space.coefficients.data(), x.size(), level.block(node));
  space.totals.ledger.backward += x.size() * static_cast<int64_t>(space.lines.size()) * kColumns;
  space.totals.ledger.rows_updated += x.size();
}

// The nodes of the next level that learn: those with a label below them, and the likeliest others that the
// router does not rule out.
void choose(std::span<const RowId> targets, const TreeOptions& options, Space& space) {
  space.visits.clear();
  for (const RowId node : targets) space.visits.push_back({node, true, 0.0f});
  std::erase_if(space.candidates, [&](const Candidate& candidate) {
    const auto at = std::lower_bound(targets.begin(), targets.end(), candidate.child);
    if (at == targets.end() || *at != candidate.child) return candidate.path < options.least_path;
    space.visits[static_cast<size_t>(at - targets.begin())].path = candidate.path;
    return true;
  });
  keep_best(space.candidates, options.n_negatives);
  for (const Candidate& candidate : space.candidates)
    space.visits.push_back({candidate.child, false, candidate.path});
}

// All children of the visited nodes learn. Where there are nodes below they become candidates.
void learn_level(const Level& level, SparseVector x, std::span<const RowId> targets, float lr, float rate,
                 float weight, bool leads_on, const TreeOptions& options, Space& space) {
  space.rows.find(level, space.visits, x.ids);
  space.candidates.clear();
  for (size_t i = 0; i < space.visits.size(); ++i) {
    const Opened& visit = space.visits[i];
    const std::span<const RowId> rows = space.rows.of(i);
    score_node(level, visit.node, rows, x.values, space.scores);
    for (int64_t c = 0; leads_on && c < level.n_children(visit.node); ++c)
      space.candidates.push_back({static_cast<RowId>(level.children[visit.node] + c),
                                  visit.path + log_likelihood(options.loss, space.scores[c])});
    compare(level, visit, targets, weight, options, space);
    update_node(level, visit.node, rows, x, rate_of_copies(options.loss, rate * lr, weight),
                rate * options.bias_lr, options.slowing, weight, space);
    space.totals.ledger.forward += x.size() * level.n_children(visit.node);
    space.totals.ledger.rows_touched += x.size();
  }
}

// is_router: below the last level are leaves; they become the visits.
void learn(const Tree& tree, SparseVector x, std::span<const RowId> labels, float rate, float weight,
           bool is_router, const TreeOptions& options, Space& space) {
  find_targets(tree, labels, space);
  space.visits.assign(1, {0, true, 0.0f});
  for (size_t l = 0; l < tree.levels.size(); ++l) {
    const bool leads_on = is_router || l + 1 < tree.levels.size();
    learn_level(tree.levels[l], x, space.targets[l], options.lr[l], rate, weight, leads_on, options, space);
    if (leads_on) choose(space.targets[l], options, space);
  }
}

// The visits of an example are the leaves of its labels, and those of the opened ones that are there.
void visit_leaves(const Level& level, std::span<const RowId> labels, std::span<const RowId> opened,
                  RowId first, Space& space) {
  space.visits.clear();
  for (const RowId label : labels)
    if (const RowId node = level.parents[label]; space.visits.empty() || space.visits.back().node != node)
      space.visits.push_back({node, true, 0.0f});
  for (const RowId leaf : opened)
    if (leaf >= first && leaf - first < level.n_nodes()) space.visits.push_back({leaf - first, false, 0.0f});
}

void check_slice(const Slice& slice, int64_t n_labels, size_t n_levels, const TreeOptions& options) {
  check_lists(slice.labels);
  require(slice.labels.size() == slice.inputs.n_rows(), "labels must have a list per example");
  check_ascending(slice.labels, n_labels);
  check_ids(slice.order, slice.inputs.n_rows(), "an example id is out of range");
  require(options.n_negatives >= 0, "n_negatives must be at least 0");
  require(std::isfinite(options.slowing) && options.slowing >= 0.0f, "slowing must be finite and at least 0");
  require(slice.order.size() == slice.shares.rates.size() && options.lr.size() == n_levels,
          "one rate per example and level is wanted");
  require(slice.shares.weights.empty() || slice.shares.weights.size() == slice.order.size(),
          "one weight per example is wanted");
  for (const float weight : slice.shares.weights)
    require(std::isfinite(weight) && weight >= 0.0f, "weights must be finite and at least 0");
}

void check_slice(const Tree& tree, const Slice& slice, const TreeOptions& options) {
  require(tree.n_features == slice.inputs.n_columns(), "inputs have another width than the tree");
  check_slice(slice, tree.n_labels(), tree.levels.size(), options);
}

void check_opened(std::span<const RowId> opened, const Slice& slice, const TreeOptions& options) {
  require(opened.size() == slice.order.size() * static_cast<size_t>(options.n_negatives),
          "n_negatives places for each example are wanted");
}

// learn(i, space): what the i-th example of the order teaches.
template <class Learn>
TreeTotals go_through(const Slice& slice, int n_threads, Learn learn) {
  constexpr int64_t kExamples = 16;  // that a thread takes at a time
  Pool pool(n_threads);
  std::vector<Space> spaces(static_cast<size_t>(pool.size()));
  spaces[0].totals.loss = slice.loss_before;
  pool.parallel_for(static_cast<int64_t>(slice.order.size()), kExamples,
                    [&](int64_t i, int thread) { learn(i, spaces[thread]); });
  TreeTotals totals;
  for (const Space& space : spaces) {
    totals.loss += space.totals.loss;
    totals.ledger += space.totals.ledger;
  }
  return totals;
}

}  // namespace

TreeTotals train_tree(const Tree& tree, const Slice& slice, const TreeOptions& options, int n_threads) {
  check_slice(tree, slice, options);
  return go_through(slice, n_threads, [&](int64_t i, Space& space) {
    const int64_t id = slice.order[i];
    learn(tree, slice.inputs.row(id, space.buffer), slice.labels[id], slice.shares.rates[i],
          slice.shares.weight(i), false, options, space);
  });
}

TreeTotals train_router(const Tree& tree, const Slice& slice, const TreeOptions& options,
                        std::span<RowId> opened, int n_threads) {
  check_slice(tree, slice, options);
  check_opened(opened, slice, options);
  const size_t n_places = static_cast<size_t>(options.n_negatives);
  return go_through(slice, n_threads, [&](int64_t i, Space& space) {
    const int64_t id = slice.order[i];
    learn(tree, slice.inputs.row(id, space.buffer), slice.labels[id], slice.shares.rates[i],
          slice.shares.weight(i), true, options, space);
    RowId* to = opened.data() + i * n_places;
    std::fill_n(to, n_places, RowId{-1});
    for (const Opened& visit : space.visits)
      if (!visit.is_positive) *to++ = visit.node;
  });
}

TreeTotals train_leaves(const Level& level, const Slice& slice, const TreeOptions& options,
                        std::span<const RowId> opened, RowId first, int n_threads) {
  check_slice(slice, level.children.back(), 1, options);
  check_opened(opened, slice, options);
  require(first >= 0, "the first leaf must be at least 0");
  for (int64_t node = 0; node < level.n_nodes(); ++node)
    require(level.n_shared(node) > 0 || level.known[node] == slice.inputs.n_columns(),
            "a node without shared rows must have a row for each feature");
  const size_t n_places = static_cast<size_t>(options.n_negatives);
  return go_through(slice, n_threads, [&](int64_t i, Space& space) {
    const int64_t id = slice.order[i];
    visit_leaves(level, slice.labels[id], opened.subspan(i * n_places, n_places), first, space);
    if (space.visits.empty()) return;
    learn_level(level, slice.inputs.row(id, space.buffer), slice.labels[id], options.lr[0],
                slice.shares.rates[i], slice.shares.weight(i), false, options, space);
  });
}

}  // namespace fewfire
