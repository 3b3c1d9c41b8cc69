// The codes of each row, end to end: rows are compared with a query by the bits in which all their codes,
// taken together, differ.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/views.h"

namespace fewfire {

class Signatures {
 public:
  // n_codes of n_bits each, for every row.
  Signatures(int64_t n_rows, int n_codes, int n_bits);

  void write(int64_t row, std::span<const uint32_t> codes);
  // scores[i] = -(the bits in which row rows[i] differs from the query), whose codes lie `stride` apart;
  // `words` is scratch. Returns how many words were compared.
  int64_t score(const uint32_t* codes, int64_t stride, std::span<const RowId> rows,
                std::vector<uint64_t>& words, std::vector<float>& scores) const;
  int64_t bytes() const { return bytes_of(bits_); }

 private:
  void pack(const uint32_t* codes, int64_t stride, std::span<uint64_t> words) const;

  int64_t n_rows_, n_words_;
  int n_codes_, n_bits_;
  std::vector<uint64_t> bits_;  // n_rows x n_words
};

}  // namespace fewfire
