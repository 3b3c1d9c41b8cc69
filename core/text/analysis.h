// What counts in a text: n-grams of its words, or of its characters. Texts are in lower case already; which
// characters make words, and which are blanks, is told by a table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/terms.h"

namespace fewfire {

enum class Unit {
  word,       // words, with a blank between those of an n-gram
  character,  // characters, of blanks in a row one
  inside      // characters of one word, which has a blank at each end; what is no blank makes words
};

Unit unit_of(const std::string& name);

struct Analysis {
  Unit unit;
  int64_t low, high;  // how many make an n-gram
  int64_t least;      // characters of a word
  Terms stop;         // words that do not count
};

Analysis checked(Analysis analysis);

// What characters are, by their numbers; behind the end they are of no kind.
struct Characters {
  enum Kind : uint8_t { kOther = 0, kOfWords = 1, kBlank = 2 };
  std::span<const uint8_t> kinds;

  uint8_t operator[](uint32_t character) const {
    return character < kinds.size() ? kinds[character] : uint8_t{kOther};
  }
};

// Terms of texts, one text after the other.
class Analyzer {
 public:
  Analyzer(const Analysis& analysis, Characters characters) : analysis_(analysis), characters_(characters) {}

  // visit(term) for each term of the text, as often as it comes.
  template <class Visit>
  void operator()(std::string_view text, Visit&& visit) {
    if (analysis_.unit == Unit::word) {
      find_words(text);
      for (int64_t n = analysis_.low; n <= analysis_.high; ++n)
        for (size_t i = 0; i + static_cast<size_t>(n) <= words_.size(); ++i)
          visit(n == 1 ? words_[i] : joined(i, static_cast<size_t>(n)));
    } else if (analysis_.unit == Unit::character) {
      without_runs_of_blanks(text);
      for (int64_t n = analysis_.low; n <= analysis_.high; ++n) visit_grams(static_cast<size_t>(n), visit);
    } else {
      for (size_t at = 0; next_between_blanks(text, at);)
        for (int64_t n = analysis_.low; n <= analysis_.high; ++n) {
          const size_t length = static_cast<size_t>(n);
          if (length + 1 >= begins_.size()) {  // a short word counts once
            visit(std::string_view(scratch_));
            break;
          }
          visit_grams(length, visit);
        }
    }
  }

 private:
  template <class Visit>
  void visit_grams(size_t n, Visit&& visit) {
    for (size_t i = 0; i + n < begins_.size(); ++i)
      visit(std::string_view(scratch_).substr(begins_[i], begins_[i + n] - begins_[i]));
  }

  void find_words(std::string_view text);
  std::string_view joined(size_t first, size_t n);
  void without_runs_of_blanks(std::string_view text);
  bool next_between_blanks(std::string_view text, size_t& at);

  const Analysis& analysis_;
  Characters characters_;
  std::vector<std::string_view> words_;
  std::string scratch_;
  std::vector<size_t> begins_;  // of the characters in scratch_, and its end
};

}  // namespace fewfire
