// What the bindings of trees, packed or not, share.
#pragma once

#include "bind/convert.h"
#include "tagger/descend.h"

namespace fewfire {

inline TreeLoss tree_loss_of(const std::string& name) {
  return one_of<TreeLoss>(name,
                          {{"squared_hinge", TreeLoss::squared_hinge}, {"logistic", TreeLoss::logistic}});
}

}  // namespace fewfire
