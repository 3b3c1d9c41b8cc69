// Terms, each with a number from 0 on in the order in which it came: open addressing over bytes that lie one
// behind the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/views.h"

namespace fewfire {

// Some pieces of text in UTF-8, one behind the other.
struct Strings {
  std::span<const uint8_t> bytes;
  std::span<const int64_t> begins;  // (n + 1) of each, and the end of the last

  int64_t size() const { return static_cast<int64_t>(begins.size()) - 1; }
  std::string_view operator[](int64_t i) const {
    return {reinterpret_cast<const char*>(bytes.data()) + begins[i],
            static_cast<size_t>(begins[i + 1] - begins[i])};
  }
};

Strings checked(Strings strings);

class Terms {
 public:
  Terms() : slots_(16) {}
  explicit Terms(Strings terms);  // of which no two are alike

  RowId size() const { return static_cast<RowId>(begins_.size() - 1); }
  std::string_view operator[](RowId number) const {
    return std::string_view(bytes_).substr(begins_[number], begins_[number + 1] - begins_[number]);
  }
  RowId find(std::string_view term) const;  // -1: there is none
  RowId find_or_add(std::string_view term);

 private:
  struct Slot {
    uint32_t hash = 0;
    RowId number = -1;  // empty
  };
  size_t place(uint32_t hash, std::string_view term) const;
  void grow();

  std::string bytes_;
  std::vector<size_t> begins_{0};
  std::vector<Slot> slots_;  // a power of two, half empty at least
};

// MurmurHash3 of 32 bits (Appleby; public domain) with seed 0, as scikit-learn hashes terms.
uint32_t murmur(std::string_view term);

}  // namespace fewfire
