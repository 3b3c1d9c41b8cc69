#include "tagger/descend.h"

#include <algorithm>

namespace fewfire {

void keep_best(std::vector<Candidate>& candidates, int64_t n) {
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.path != b.path ? a.path > b.path : a.child < b.child;
  };
  if (n < static_cast<int64_t>(candidates.size())) {
    std::partial_sort(candidates.begin(), candidates.begin() + n, candidates.end(), better);
    candidates.resize(static_cast<size_t>(n));
  } else {
    std::sort(candidates.begin(), candidates.end(), better);
  }
}

}  // namespace fewfire
