// Sparse rows from text: `labels feature:value feature:value ...`, one example per line, in the dialects of
// svmlight and of the Extreme Classification Repository. Ids come out ascending and distinct: the values of
// a feature are summed, a label counts once. Zeros are left out, and the result and the first error are the
// same for any number of threads.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/pool.h"

namespace fewfire {

struct TextFormat {
  bool header;  // the first line is `rows features labels`
  bool labels;  // a comma-separated list of ids, possibly empty, before the features; otherwise one number
};

struct TextRows {
  std::vector<int64_t> indptr;
  std::vector<int32_t> indices;  // as written: svmlight counts from 1
  std::vector<float> values;
  std::vector<int64_t> label_indptr;
  std::vector<int32_t> labels;
  std::vector<double> targets;  // one per row, unless rows have lists of labels
  int64_t n_features = 0, n_labels = 0;
  bool has_feature_0 = false;

  int64_t size() const { return static_cast<int64_t>(indptr.size()) - 1; }
};

// Throws std::invalid_argument with line and column, both counted from 1.
//
// A line's end is \n or \r\n; what follows # is a comment; `qid:` is skipped. Empty lines and lines that
// begin with a comment hold no example; with lists of labels, a line of blanks is an example without any.
TextRows parse_text(std::string_view text, TextFormat format, Pool& pool);

}  // namespace fewfire
