// What the files that bind core/routed share.
#pragma once

#include "bindings.h"
#include "ledger.h"
#include "routed/descend.h"

namespace fewfire {

inline void check_examples(std::span<const int64_t> ids, int64_t n) {
  for (const int64_t id : ids) require(id >= 0 && id < n, "an example id is out of range");
}

inline Numpy<int64_t> ledger_of(const Tally& tally) {
  const auto values = tally.values();
  return to_numpy(std::vector<int64_t>(values.begin(), values.end()), {1, values.size()});
}

inline TreeLoss tree_loss_of(const std::string& name) {
  return one_of<TreeLoss>(name,
                          {{"squared_hinge", TreeLoss::squared_hinge}, {"logistic", TreeLoss::logistic}});
}

}  // namespace fewfire
