// Nodes as training reads them: the rows of an example in their blocks, and the sums of these.
#pragma once

#include "tagger/descend.h"

namespace fewfire {

// Where the features of an example are in the nodes that it visits, found for all of them before the first is
// computed: memory is asked for what they will read.
class Rows {
 public:
  void find(const Level& level, std::span<const Opened> visits, std::span<const RowId> ids);
  std::span<const RowId> of(size_t visit) const { return std::span(rows_).subspan(visit * n_ids_, n_ids_); }

 private:
  struct Home {  // a visited node's block
    RowId node;
    int64_t known, n_shared;
    Matrix<float> block;
  };
  void foresee(std::span<const uint64_t> table) const;

  std::vector<Home> homes_;
  std::vector<RowId> rows_;
  size_t n_ids_ = 0;
};

// scores[c] = x . column c of the node's block + bias, for all columns
void score_node(const Level& level, int64_t node, std::span<const RowId> rows, std::span<const float> values,
                std::vector<float>& scores);

}  // namespace fewfire
