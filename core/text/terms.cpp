#include "text/terms.h"

#include <bit>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace fewfire {

Strings checked(Strings strings) {
  check_begins(strings.begins, strings.begins.size() - 1, strings.bytes.size(),
               "the begins of strings must not fall, from 0 to the number of bytes");
  return strings;
}

Terms::Terms(Strings terms) : slots_(std::bit_ceil(2 * static_cast<size_t>(terms.size()) + 2)) {
  checked(terms);
  for (int64_t i = 0; i < terms.size(); ++i) require(find_or_add(terms[i]) == i, "no two terms may be alike");
}

RowId Terms::find(std::string_view term) const { return slots_[place(murmur(term), term)].number; }

RowId Terms::find_or_add(std::string_view term) {
  const uint32_t hash = murmur(term);
  size_t at = place(hash, term);
  if (slots_[at].number >= 0) return slots_[at].number;
  require(size() < std::numeric_limits<RowId>::max() - 1, "there are more than 2^31 - 2 terms");
  if (2 * begins_.size() >= slots_.size()) {
    grow();
    at = place(hash, term);
  }
  slots_[at] = {hash, size()};
  bytes_ += term;
  begins_.push_back(bytes_.size());
  return slots_[at].number;
}

size_t Terms::place(uint32_t hash, std::string_view term) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at].number >= 0 && (slots_[at].hash != hash || (*this)[slots_[at].number] != term))
    at = (at + 1) & mask;
  return at;
}

void Terms::grow() {
  std::vector<Slot> old(2 * slots_.size());
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.number < 0) continue;
    size_t at = slot.hash & (slots_.size() - 1);
    while (slots_[at].number >= 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

uint32_t murmur(std::string_view term) {
  constexpr uint32_t kFirst = 0xcc9e2d51, kSecond = 0x1b873593;
  const auto mixed = [](uint32_t block) { return std::rotl(block * kFirst, 15) * kSecond; };
  uint32_t hash = 0;
  size_t at = 0;
  for (; at + 4 <= term.size(); at += 4) {
    uint32_t block;
    std::memcpy(&block, term.data() + at, 4);
    if constexpr (std::endian::native == std::endian::big) block = __builtin_bswap32(block);
    hash = std::rotl(hash ^ mixed(block), 13) * 5 + 0xe6546b64;
  }
  uint32_t rest = 0;
  for (size_t i = term.size(); i > at; --i) rest = rest << 8 | static_cast<uint8_t>(term[i - 1]);
  hash ^= mixed(rest);
  hash ^= static_cast<uint32_t>(term.size());
  hash = (hash ^ hash >> 16) * 0x85ebca6b;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35;
  return hash ^ hash >> 16;
}

}  // namespace fewfire
