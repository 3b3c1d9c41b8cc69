// What the core follows in trees without looking; see base/check.h.
#pragma once

#include "base/check.h"
#include "tagger/packed.h"

namespace fewfire {

// As they are, where nothing is wrong with them.
Level checked(Level level);
Tree checked(Tree tree);  // of checked levels, as a PackedTree is, which checks itself
PackedLevel checked(PackedLevel level);

// Of a tree, packed or not.
template <class AnyLevel>
void check_levels(const std::vector<AnyLevel>& levels) {
  require(!levels.empty(), "a tree needs a level");
  require(levels.front().n_nodes() == 1, "the first level is the root alone");
  for (size_t l = 0; l + 1 < levels.size(); ++l)
    require(levels[l].children.back() == levels[l + 1].n_nodes(),
            "the children of a level are the nodes below it");
}

}  // namespace fewfire
