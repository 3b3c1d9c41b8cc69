// How the core refuses bad data: with std::invalid_argument, before anything is changed. A door to the core
// (bind) needs no checks of its own, by two rules:
//   - a structure is checked once, when it is made: by its constructor, or, where it is a plain struct, by
//     `checked(structure)`, which returns it (valid.h of each wing);
//   - a function that a door calls with such structures checks first how its arguments fit together.
// Functions below those, which run for every example, trust what they get.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/views.h"

namespace fewfire {

inline void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

// The value that goes by a name.
template <class T>
T one_of(const std::string& name, std::initializer_list<std::pair<const char*, T>> choices) {
  std::string known;
  for (const auto& [choice, value] : choices) {
    if (name == choice) return value;
    known += (known.empty() ? "" : ", ") + std::string(choice);
  }
  throw std::invalid_argument("'" + name + "' is none of: " + known);
}

inline int threads_of(int n_threads) {
  require(n_threads >= 1 && n_threads <= 4096, "n_threads must be in 1 .. 4096");
  return n_threads;
}

// Ids in 0 .. n - 1.
template <class Id>
void check_ids(std::span<const Id> ids, int64_t n, const char* message) {
  for (const Id id : ids) require(id >= 0 && id < n, message);
}

// Distinct ids in 0 .. n - 1, ascending.
template <class Id>
std::vector<Id> checked_distinct(std::span<const Id> ids, int64_t n) {
  std::vector<Id> sorted(ids.begin(), ids.end());
  std::sort(sorted.begin(), sorted.end());
  require(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(), "a row is there twice");
  check_ids(std::span<const Id>(sorted), n, "a row is out of range");
  return sorted;
}

// The begins of n lists among `end` entries, and their end.
template <class Begin>
void check_begins(std::span<const Begin> begins, size_t n, size_t end, const char* message) {
  require(begins.size() == n + 1 && begins.front() == 0 && static_cast<size_t>(begins.back()) == end &&
              std::is_sorted(begins.begin(), begins.end()),
          message);
}

inline void check_lists(const Lists& lists) {
  require(!lists.indptr.empty() && lists.indptr.front() == 0 &&
              lists.indptr.back() == static_cast<int64_t>(lists.indices.size()),
          "indptr must start at 0 and end at the number of indices");
  require(std::is_sorted(lists.indptr.begin(), lists.indptr.end()), "indptr must not fall");
}

// Of lists: ids ascend inside each, and are below `end`.
inline void check_ascending(const Lists& lists, int64_t end) {
  for (int64_t i = 0; i < lists.size(); ++i) {
    RowId least = 0;
    for (const RowId id : lists[i]) {
      require(id >= least && id < end,
              "indices of a row must ascend, without duplicates, inside the number of columns");
      least = id + 1;
    }
  }
}

}  // namespace fewfire
