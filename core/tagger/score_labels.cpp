#include "tagger/score_labels.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/pool.h"

namespace fewfire {
namespace {

struct Space {  // scratch of one thread
  RowBuffer buffer;
  std::vector<int64_t> order;              // of the labels, by their places
  std::vector<std::vector<RowId>> opened;  // per level: the nodes above the labels, ascending
  std::vector<Opened> visits, next;
  PackedScores scores;
  Ledger ledger;
};

// The nodes that lead to `places`, which ascend in `order`.
void find_nodes(const std::vector<PackedLevel>& levels, std::span<const RowId> labels,
                std::span<const RowId> places, Space& space) {
  space.opened.resize(levels.size());
  for (size_t l = levels.size(); l-- > 0;) {
    std::vector<RowId>& nodes = space.opened[l];
    nodes.clear();
    const auto add = [&](RowId child) {
      if (const RowId node = levels[l].parents[child]; nodes.empty() || nodes.back() != node)
        nodes.push_back(node);
    };
    if (l + 1 == levels.size())
      for (const int64_t at : space.order) add(places[labels[at]]);
    else
      for (const RowId child : space.opened[l + 1]) add(child);
  }
}

// Adds to sums[k] how likely the tree finds labels[k].
void add_tree(const Member& member, SparseVector x, std::span<const RowId> labels, float path_weight,
              Space& space, std::span<float> sums) {
  const std::vector<PackedLevel>& levels = member.tree->levels;
  const std::span<const RowId> places = member.tree->places;
  space.order.resize(labels.size());
  std::iota(space.order.begin(), space.order.end(), 0);
  std::sort(space.order.begin(), space.order.end(),
            [&](int64_t a, int64_t b) { return places[labels[a]] < places[labels[b]]; });
  find_nodes(levels, labels, places, space);
  space.visits.assign(1, {0, false, 0.0f});
  size_t at = 0;  // in order
  for (size_t l = 0; l < levels.size(); ++l) {
    const PackedLevel& level = levels[l];
    const bool is_last = l + 1 == levels.size();
    space.scores.compute(level, space.visits, x);
    space.ledger.forward += space.scores.n_multiplied();
    space.ledger.rows_touched += space.scores.n_rows();
    space.next.clear();
    for (size_t i = 0; i < space.visits.size(); ++i) {
      const Opened& visit = space.visits[i];
      const std::span<const float> scores = space.scores.of(i);
      const int64_t first = level.children[visit.node], end = level.children[visit.node + 1];
      const auto path_to = [&](int64_t child, float weight) {
        return weight * visit.path +
               log_likelihood(member.tree->loss, scores[static_cast<size_t>(child - first)]);
      };
      if (is_last) {
        for (; at < labels.size() && places[labels[space.order[at]]] < end; ++at)
          sums[space.order[at]] += std::max(std::exp(path_to(places[labels[space.order[at]]], path_weight)),
                                            std::numeric_limits<float>::min());
      } else {
        for (size_t next = space.next.size();
             next < space.opened[l + 1].size() && space.opened[l + 1][next] < end; ++next)
          space.next.push_back({space.opened[l + 1][next], false, path_to(space.opened[l + 1][next], 1.0f)});
      }
    }
    space.visits.swap(space.next);
  }
}

void check_wanted(std::span<const Member> members, const Lists& wanted, size_t n_examples) {
  check_lists(wanted);
  require(wanted.size() == static_cast<int64_t>(n_examples), "one list of labels per example is wanted");
  check_ascending(wanted, std::ssize(members[0].tree->places));
  for (const Member& member : members)
    for (const RowId label : wanted.indices)
      require(member.tree->places[label] >= 0, "a label is in no tree");
}

}  // namespace

Likelihoods score_labels(std::span<const Member> members, std::span<const int64_t> ids, const Lists& wanted,
                         float path_weight, int n_threads) {
  check_examples(members, ids);
  check_wanted(members, wanted, ids.size());
  Pool pool(n_threads);
  Likelihoods found{.values = std::vector<float>(wanted.indices.size()), .ledger = {}};
  std::vector<Space> spaces(static_cast<size_t>(pool.size()));
  pool.parallel_for(wanted.size(), 16, [&](int64_t i, int thread) {
    Space& space = spaces[thread];
    const std::span<const RowId> labels = wanted[i];
    if (labels.empty()) return;
    const std::span<float> own =
        std::span(found.values).subspan(static_cast<size_t>(wanted.indptr[i]), labels.size());
    for (size_t m = 0; m < members.size(); ++m)
      add_tree(members[m], members[m].inputs->row(ids[i], space.buffer), labels, path_weight, space, own);
    for (float& likelihood : own) likelihood /= static_cast<float>(members.size());
  });
  for (const Space& space : spaces) found.ledger += space.ledger;
  return found;
}

}  // namespace fewfire
