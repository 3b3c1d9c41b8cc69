#include "tagger/predict_trees.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/pool.h"
#include "kernels/topk.h"
#include "tagger/label_sums.h"

namespace fewfire {
namespace {

struct Space {  // scratch of one thread
  RowBuffer buffer;
  std::vector<Opened> visits;
  std::vector<Candidate> candidates;
  PackedScores scores;
  LabelSums sums;
  Ledger ledger;
};

// Opens the nodes of one level; their children become the candidates.
void open(const PackedLevel& level, SparseVector x, TreeLoss loss, float path_weight, Space& space) {
  space.scores.compute(level, space.visits, x);
  space.candidates.clear();
  for (size_t i = 0; i < space.visits.size(); ++i) {
    const Opened& visit = space.visits[i];
    const std::span<const float> scores = space.scores.of(i);
    for (size_t c = 0; c < scores.size(); ++c) {
      const float path = path_weight * visit.path + log_likelihood(loss, scores[c]);
      space.candidates.push_back(
          {static_cast<RowId>(level.children[visit.node] + static_cast<int64_t>(c)), in_order(path)});
    }
  }
  space.ledger.forward += space.scores.n_multiplied();
  space.ledger.rows_touched += space.scores.n_rows();
}

void search_tree(const Member& member, SparseVector x, const Search& search, Space& space) {
  const std::vector<PackedLevel>& levels = member.tree->levels;
  space.visits.assign(1, {0, false, 0.0f});
  for (size_t l = 0; l < levels.size(); ++l) {
    const bool is_last = l + 1 == levels.size();
    open(levels[l], x, member.tree->loss, is_last ? search.path_weight : 1.0f, space);
    if (is_last) break;
    keep_best(space.candidates, search.beam);
    space.visits.clear();
    for (const Candidate& candidate : space.candidates)
      space.visits.push_back({candidate.child, false, candidate.path});
  }
  space.sums.reserve(space.candidates.size());
  for (const Candidate& candidate : space.candidates)
    space.sums.add(member.tree->labels[candidate.child],
                   std::max(std::exp(candidate.path), std::numeric_limits<float>::min()));
}

}  // namespace

std::vector<Member> members_of(std::span<PackedTree* const> trees, std::span<Inputs* const> inputs) {
  require(!trees.empty() && trees.size() == inputs.size(), "inputs for each tree are wanted");
  std::vector<Member> members;
  for (size_t i = 0; i < trees.size(); ++i) {
    require(trees[i] != nullptr && inputs[i] != nullptr, "None is no tree, and no inputs");
    require(trees[i]->n_features == inputs[i]->n_columns(), "inputs have another width than a tree");
    require(trees[i]->places.size() == trees[0]->places.size(), "trees are of different labels");
    members.push_back({trees[i], inputs[i]});
  }
  return members;
}

void check_examples(std::span<const Member> members, std::span<const int64_t> ids) {
  require(!members.empty(), "a tree is wanted");
  for (const Member& member : members)
    check_ids(ids, member.inputs->n_rows(), "an example id is out of range");
}

Found predict_trees(std::span<const Member> members, std::span<const int64_t> ids, const Search& search,
                    int64_t k, int n_threads) {
  require(k >= 1 && search.beam >= 1, "k and beam must be at least 1");
  check_examples(members, ids);
  Pool pool(n_threads);
  const size_t n_found = ids.size() * static_cast<size_t>(k);
  Found found{.labels = std::vector<RowId>(n_found, -1),
              .likelihoods = std::vector<float>(n_found, -std::numeric_limits<float>::infinity()),
              .ledger = {}};
  std::vector<Space> spaces(static_cast<size_t>(pool.size()));
  pool.parallel_for(static_cast<int64_t>(ids.size()), 16, [&](int64_t i, int thread) {
    Space& space = spaces[thread];
    for (const Member& member : members)
      search_tree(member, member.inputs->row(ids[i], space.buffer), search, space);
    space.sums.take(static_cast<float>(members.size()), space.candidates);
    keep_best(space.candidates, k);
    for (size_t place = 0; place < space.candidates.size(); ++place) {
      found.labels[static_cast<size_t>(i * k) + place] = space.candidates[place].child;
      found.likelihoods[static_cast<size_t>(i * k) + place] = space.candidates[place].path;
    }
  });
  for (const Space& space : spaces) found.ledger += space.ledger;
  return found;
}

}  // namespace fewfire
