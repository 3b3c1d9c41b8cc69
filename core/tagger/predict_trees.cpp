#include "tagger/predict_trees.h"

#include <algorithm>
#include <limits>

#include "base/pool.h"
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
    for (size_t c = 0; c < scores.size(); ++c)
      space.candidates.push_back({static_cast<RowId>(level.children[visit.node] + static_cast<int64_t>(c)),
                                  path_weight * visit.path + log_likelihood(loss, scores[c])});
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

Ledger predict_trees(std::span<const Member> members, std::span<const int64_t> ids, const Search& search,
                     int64_t k, int n_threads, Matrix<RowId> best, Matrix<float> scores) {
  Pool pool(n_threads);
  std::vector<Space> spaces(static_cast<size_t>(pool.size()));
  pool.parallel_for(static_cast<int64_t>(ids.size()), 16, [&](int64_t i, int thread) {
    Space& space = spaces[thread];
    for (const Member& member : members)
      search_tree(member, member.inputs->row(ids[i], space.buffer), search, space);
    space.sums.take(static_cast<float>(members.size()), space.candidates);
    keep_best(space.candidates, k);
    std::fill(best.row(i).begin(), best.row(i).end(), RowId{-1});
    std::fill(scores.row(i).begin(), scores.row(i).end(), -std::numeric_limits<float>::infinity());
    for (size_t place = 0; place < space.candidates.size(); ++place) {
      best.row(i)[place] = space.candidates[place].child;
      scores.row(i)[place] = space.candidates[place].path;
    }
  });
  Ledger ledger;
  for (const Space& space : spaces) ledger += space.ledger;
  return ledger;
}

}  // namespace fewfire
