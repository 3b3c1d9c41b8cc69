// Items that belong to a row, brought together by row, so that a row is read and changed once a
// micro-batch. The sort is stable: inside a group the examples keep their order, whoever sorts.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/views.h"

namespace fewfire {

struct Pair {
  RowId row;
  int32_t example;
  float delta;
};

template <class Item>
struct Groups {
  std::vector<Item> items;
  std::vector<int64_t> begins;  // of each group in items, and the end of the last
  std::vector<Item> spare;

  int64_t size() const { return static_cast<int64_t>(begins.size()) - 1; }
  std::span<const Item> group(int64_t i) const {
    return std::span(items).subspan(begins[i], begins[i + 1] - begins[i]);
  }

  RowId row(int64_t i) const { return items[begins[i]].row; }

  // Sorts `items` by row and finds the groups. Rows are below n_rows.
  void sort(int64_t n_rows) {
    const auto by_row = [](const Item& a, const Item& b) { return a.row < b.row; };
    if (!std::is_sorted(items.begin(), items.end(), by_row)) sort_digits(n_rows);
    begins.clear();
    for (size_t i = 0; i < items.size(); ++i)
      if (i == 0 || items[i].row != items[i - 1].row) begins.push_back(static_cast<int64_t>(i));
    begins.push_back(static_cast<int64_t>(items.size()));
  }

 private:
  // Radix sort, 11 bits of the row at a time, least significant first.
  void sort_digits(int64_t n_rows) {
    constexpr int kBits = 11;
    spare.resize(items.size());
    for (int shift = 0; shift < 32 && (n_rows - 1) >> shift != 0; shift += kBits) {
      std::array<int64_t, (1 << kBits) + 1> starts{};
      const auto digit = [&](const Item& item) { return (item.row >> shift) & ((1 << kBits) - 1); };
      for (const Item& item : items) ++starts[digit(item) + 1];
      for (int i = 0; i < 1 << kBits; ++i) starts[i + 1] += starts[i];
      for (const Item& item : items) spare[starts[digit(item)]++] = item;
      items.swap(spare);
    }
  }
};

}  // namespace fewfire
