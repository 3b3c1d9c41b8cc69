#include "group.h"

#include <algorithm>
#include <array>

namespace fewfire {

void Groups::sort(int64_t n_rows) {
  // Radix sort, 11 bits of the row at a time, least significant first.
  constexpr int kBits = 11;
  const auto by_row = [](const Pair& a, const Pair& b) { return a.row < b.row; };
  if (!std::is_sorted(pairs.begin(), pairs.end(), by_row)) {
    spare.resize(pairs.size());
    for (int shift = 0; shift < 32 && (n_rows - 1) >> shift != 0; shift += kBits) {
      std::array<int64_t, (1 << kBits) + 1> starts{};
      const auto digit = [&](const Pair& pair) { return (pair.row >> shift) & ((1 << kBits) - 1); };
      for (const Pair& pair : pairs) ++starts[digit(pair) + 1];
      for (int i = 0; i < 1 << kBits; ++i) starts[i + 1] += starts[i];
      for (const Pair& pair : pairs) spare[starts[digit(pair)]++] = pair;
      pairs.swap(spare);
    }
  }
  begins.clear();
  for (size_t i = 0; i < pairs.size(); ++i)
    if (i == 0 || pairs[i].row != pairs[i - 1].row) begins.push_back(static_cast<int64_t>(i));
  begins.push_back(static_cast<int64_t>(pairs.size()));
}

}  // namespace fewfire
