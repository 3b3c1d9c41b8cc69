// What the files that bind core/routed share.
#pragma once

#include "base/ledger.h"
#include "bind/convert.h"
#include "tagger/predict_trees.h"

namespace fewfire {

inline void check_examples(std::span<const int64_t> ids, int64_t n) {
  for (const int64_t id : ids) require(id >= 0 && id < n, "an example id is out of range");
}

template <class T>
void check_begins(std::span<const T> begins, size_t n_nodes, size_t end, const char* what) {
  require(begins.size() == n_nodes + 1 && begins.front() == 0 && static_cast<size_t>(begins.back()) == end &&
              std::is_sorted(begins.begin(), begins.end()),
          what);
}

// Of a Level or a PackedLevel: children know their node.
template <class AnyLevel>
void check_parents(const AnyLevel& level) {
  for (int64_t node = 0; node < level.n_nodes(); ++node)
    for (int64_t child = level.children[node]; child < level.children[node + 1]; ++child)
      require(level.parents[child] == node, "parents do not fit children");
}

// Of a tree's levels, packed or not.
template <class AnyLevel>
void check_levels(const std::vector<AnyLevel>& levels) {
  require(!levels.empty(), "a tree needs a level");
  require(levels.front().n_nodes() == 1, "the first level is the root alone");
  for (size_t l = 0; l + 1 < levels.size(); ++l)
    require(levels[l].children.back() == levels[l + 1].n_nodes(),
            "the children of a level are the nodes below it");
}

inline Numpy<int64_t> ledger_of(const Ledger& ledger) {
  const auto values = ledger.values();
  return to_numpy(std::vector<int64_t>(values.begin(), values.end()), {1, values.size()});
}

inline TreeLoss tree_loss_of(const std::string& name) {
  return one_of<TreeLoss>(name,
                          {{"squared_hinge", TreeLoss::squared_hinge}, {"logistic", TreeLoss::logistic}});
}

// Trees side by side, each with the examples as it reads them.
inline std::vector<Member> members_of(const std::vector<PackedTree*>& trees,
                                      const std::vector<Inputs*>& inputs, std::span<const int64_t> ids) {
  require(!trees.empty() && trees.size() == inputs.size(), "inputs for each tree are wanted");
  std::vector<Member> members;
  for (size_t i = 0; i < trees.size(); ++i) {
    require(trees[i] != nullptr && inputs[i] != nullptr, "None is no tree, and no inputs");
    require(trees[i]->n_features == inputs[i]->n_columns(), "inputs have another width than a tree");
    require(trees[i]->places.size() == trees[0]->places.size(), "trees are of different labels");
    check_examples(ids, inputs[i]->n_rows());
    members.push_back({trees[i], inputs[i]});
  }
  return members;
}

}  // namespace fewfire
