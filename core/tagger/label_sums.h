// Sums of likelihoods by label, of the labels that a search finds: open addressing, at most half full, so
// that they cost by what is found, not by what there is.
#pragma once

#include <bit>
#include <vector>

#include "tagger/descend.h"

namespace fewfire {

class LabelSums {
 public:
  // Makes room for `n` further labels.
  void reserve(size_t n) {
    const size_t size = std::bit_ceil(2 * (used_.size() + n));
    if (size <= entries_.size()) return;
    std::vector<Entry> old(size);
    old.swap(entries_);
    for (size_t& at : used_) {
      const Entry entry = old[at];
      at = find(entry.label);
      entries_[at] = entry;
    }
  }

  void add(RowId label, float value) {
    const size_t at = find(label);
    if (entries_[at].label < 0) {
      entries_[at].label = label;
      used_.push_back(at);
    }
    entries_[at].sum += value;
  }

  // Forgets all sums; each goes to `means`, divided by `n`.
  void take(float n, std::vector<Candidate>& means) {
    means.clear();
    for (const size_t at : used_) {
      means.push_back({entries_[at].label, entries_[at].sum / n});
      entries_[at] = {};
    }
    used_.clear();
  }

 private:
  struct Entry {
    RowId label = -1;
    float sum = 0.0f;
  };

  // Where a label is, or goes.
  size_t find(RowId label) const {
    size_t at = place(entries_.size(), label);
    while (entries_[at].label >= 0 && entries_[at].label != label) at = (at + 1) & (entries_.size() - 1);
    return at;
  }

  std::vector<Entry> entries_;
  std::vector<size_t> used_;
};

}  // namespace fewfire
