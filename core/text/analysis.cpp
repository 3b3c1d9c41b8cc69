#include "text/analysis.h"

#include "base/check.h"

namespace fewfire {
namespace {

// The character at a place, and the place behind it. Bytes that are no UTF-8 give some character.
uint32_t next(std::string_view text, size_t& at) {
  const auto byte = static_cast<uint8_t>(text[at++]);
  if (byte < 0x80) return byte;
  const int n_more = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
  uint32_t character = byte & (0x3f >> n_more);
  for (int i = 0; i < n_more && at < text.size(); ++i)
    character = character << 6 | (static_cast<uint8_t>(text[at++]) & 0x3f);
  return character;
}

}  // namespace

Unit unit_of(const std::string& name) {
  return one_of<Unit>(name, {{"word", Unit::word}, {"char", Unit::character}, {"char_wb", Unit::inside}});
}

Analysis checked(Analysis analysis) {
  require(analysis.low >= 1 && analysis.high >= analysis.low, "n-grams are of 1 or more, low <= high");
  require(analysis.least >= 1, "words have at least one character");
  return analysis;
}

void Analyzer::find_words(std::string_view text) {
  words_.clear();
  size_t begin = 0;
  int64_t length = 0;
  const auto end_word = [&](size_t end) {
    if (length >= analysis_.least) {
      const std::string_view word = text.substr(begin, end - begin);
      if (analysis_.stop.find(word) < 0) words_.push_back(word);
    }
    length = 0;
  };
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    if (characters_[next(text, at)] != Characters::kOfWords) {
      end_word(here);
    } else if (length++ == 0) {
      begin = here;
    }
  }
  end_word(text.size());
}

std::string_view Analyzer::joined(size_t first, size_t n) {
  scratch_ = words_[first];
  for (size_t i = first + 1; i < first + n; ++i) (scratch_ += ' ') += words_[i];
  return scratch_;
}

void Analyzer::without_runs_of_blanks(std::string_view text) {
  scratch_.clear();
  begins_.assign(1, 0);
  size_t n_blanks = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    n_blanks = characters_[next(text, at)] == Characters::kBlank ? n_blanks + 1 : 0;
    if (n_blanks == 2) scratch_.replace(begins_[begins_.size() - 2], scratch_.npos, " ");
    if (n_blanks < 2) {
      scratch_ += text.substr(here, at - here);
      begins_.push_back(0);
    }
    begins_.back() = scratch_.size();
  }
}

bool Analyzer::next_between_blanks(std::string_view text, size_t& at) {
  scratch_ = ' ';
  begins_ = {0, 1};
  while (at < text.size()) {
    const size_t here = at;
    const bool is_blank = characters_[next(text, at)] == Characters::kBlank;
    if (is_blank && begins_.size() > 2) break;
    if (is_blank) continue;
    scratch_ += text.substr(here, at - here);
    begins_.push_back(scratch_.size());
  }
  if (begins_.size() == 2) return false;
  scratch_ += ' ';
  begins_.push_back(scratch_.size());
  return true;
}

}  // namespace fewfire
