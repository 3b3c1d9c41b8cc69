// How often texts have each term: CSR with ascending ids, the same for any number of threads, and equal to
// what scikit-learn's CountVectorizer, HashingVectorizer and TfidfTransformer say.
#pragma once

#include <vector>

#include "base/pool.h"
#include "text/analysis.h"

namespace fewfire {

struct Texts {
  Strings strings;
  Characters characters;
};

struct Counts {
  std::vector<int64_t> indptr{0};
  std::vector<RowId> indices;
  std::vector<float> values;
};

struct Learned {
  std::vector<uint8_t> bytes;    // of the terms, ascending
  std::vector<int64_t> begins;   // of each, and the end
  std::vector<int64_t> n_texts;  // that have it
  Counts counts;
};

// The terms that at least `least` texts have, and how often texts have them.
Learned learn_terms(const Texts& texts, const Analysis& analysis, int64_t least, Pool& pool);

// How often texts have known terms; others do not count.
Counts count_terms(const Texts& texts, const Analysis& analysis, const Terms& terms, Pool& pool);

// The same of terms that have the numbers of their hashes, below `n_features`.
Counts hash_terms(const Texts& texts, const Analysis& analysis, int64_t n_features, Pool& pool);

struct TermWeights {
  std::span<const float> of_terms;
  bool sublinear;  // counts c become 1 + ln c
};

// Weighs counts, and brings each text to unit length.
void weigh_terms(const Lists& terms, const TermWeights& weights, std::span<float> values, Pool& pool);

}  // namespace fewfire
