#include "routed/tree.h"

namespace fewfire {

void find_rows(const Level& level, int64_t node, std::span<const RowId> ids, RowId* rows) {
  const int64_t begin = level.tables[node], end = level.tables[node + 1];
  const int64_t known = level.known[node], n_shared = level.n_rows(node) - known;
  if (n_shared == 0) {  // every feature has a row of its own
    for (size_t k = 0; k < ids.size(); ++k) rows[k] = ids[k];
    return;
  }
  for (size_t k = 0; k < ids.size(); ++k) {
    const uint64_t mixed = hash_feature(ids[k]) * uint64_t{0x9e3779b97f4a7c15u};
    rows[k] = static_cast<RowId>(
        known + static_cast<int64_t>(((mixed >> 32) * static_cast<uint64_t>(n_shared)) >> 32));
    if (begin == end) continue;
    for (int64_t at = place(level, node, ids[k]); level.entries[at] != kNoEntry;
         at = at + 1 < end ? at + 1 : begin)
      if (static_cast<RowId>(level.entries[at] >> 32) == ids[k]) {
        rows[k] = static_cast<RowId>(level.entries[at]);
        break;
      }
  }
}

}  // namespace fewfire
