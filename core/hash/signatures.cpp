#include "hash/signatures.h"

#include <algorithm>

#include "kernels/dispatch.h"
#include "kernels/kernels.h"

namespace fewfire {

Signatures::Signatures(int64_t n_rows, int n_codes, int n_bits)
    : n_rows_(n_rows),
      n_words_((int64_t{n_codes} * n_bits + 63) / 64),
      n_codes_(n_codes),
      n_bits_(n_bits),
      bits_(static_cast<size_t>(n_rows * n_words_)) {}

void Signatures::write(int64_t row, std::span<const uint32_t> codes) {
  const size_t n = static_cast<size_t>(n_words_);
  pack(codes.data(), 1, std::span(bits_).subspan(static_cast<size_t>(row) * n, n));
}

int64_t Signatures::score(const uint32_t* codes, int64_t stride, std::span<const RowId> rows,
                          std::vector<uint64_t>& words, std::vector<float>& scores) const {
  const int64_t n = static_cast<int64_t>(rows.size());
  words.resize(static_cast<size_t>(n_words_));
  pack(codes, stride, words);
  scores.resize(rows.size());
  kernels().hamming({bits_.data(), n_rows_, n_words_}, rows.data(), n, words.data(), scores.data());
  for (float& score : scores) score = -score;
  return n * n_words_;
}

// Bit after bit.
void Signatures::pack(const uint32_t* codes, int64_t stride, std::span<uint64_t> words) const {
  std::fill(words.begin(), words.end(), 0);
  for (int i = 0; i < n_codes_; ++i) {
    const uint64_t code = codes[i * stride];
    const int first = i * n_bits_, shift = first % 64;
    words[first / 64] |= code << shift;
    if (shift + n_bits_ > 64) words[first / 64 + 1] |= code >> (64 - shift);
  }
}

}  // namespace fewfire
