#include "text/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>

namespace fewfire {
namespace {

constexpr size_t kChunk = 1 << 20;  // bytes; chunks end at a newline, wherever the threads are

struct Limits {  // ids lie below
  int64_t features = std::numeric_limits<int32_t>::max(), labels = features;
};

struct Failure {  // `line` counts from 0
  int64_t line, column;
  std::string what;
};

[[noreturn]] void raise(const Failure& failure) {
  throw std::invalid_argument("line " + std::to_string(failure.line + 1) + ", column " +
                              std::to_string(failure.column) + ": " + failure.what);
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// A line, read from left to right. Errors point at the word that is wrong.
class Line {
 public:
  Line(std::string_view text, int64_t number)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), number_(number) {
    if (const size_t comment = text.find('#'); comment != text.npos) end_ = begin_ + comment;
    if (end_ != begin_ && end_[-1] == '\r') --end_;
  }

  bool empty() const { return begin_ == end_; }
  const char* at() const { return at_; }
  bool starts_with(std::string_view word) const { return std::string_view(at_, end_).starts_with(word); }
  bool starts_blank() const { return at_ != end_ && is_blank(*at_); }
  bool starts_with_feature() const {
    const char* stop = std::find_if(at_, end_, [](char c) { return c < '0' || c > '9'; });
    return stop != at_ && stop != end_ && *stop == ':';
  }

  bool next_word() {  // false at the end
    while (at_ != end_ && is_blank(*at_)) ++at_;
    return at_ != end_;
  }

  void skip_word() {
    while (at_ != end_ && !is_blank(*at_)) ++at_;
  }

  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  // An integer of [0, limit).
  int32_t id(const char* name, int64_t limit) {
    const char* start = at_;
    uint64_t value = 0;
    for (; at_ != end_ && '0' <= *at_ && *at_ <= '9'; ++at_)
      value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(*at_ - '0'), uint64_t{1} << 40);
    if (at_ == start) fail(start, std::string("expected a ") + name + ", a whole number from 0");
    if (value >= static_cast<uint64_t>(limit))
      fail(start, std::string(name) + " is not below " + std::to_string(limit));
    return static_cast<int32_t>(value);
  }

  template <class Float>
  Float number(const char* name) {
    const char* start = at_;
    if (end_ - at_ > 1 && *at_ == '+' && at_[1] != '-') ++at_;
    Float value{};
    const auto [stop, error] = std::from_chars(at_, end_, value);
    if (error == std::errc::result_out_of_range) value = out_of_range<Float>(start);
    if (error == std::errc::invalid_argument) fail(start, std::string("expected a ") + name + ", a number");
    if (!std::isfinite(value)) fail(start, std::string(name) + " is not finite");
    at_ = stop;
    return value;
  }

  void end_of_word(const char* wanted) const {
    if (at_ != end_ && !is_blank(*at_)) fail(at_, std::string("expected ") + wanted);
  }

  [[noreturn]] void fail(const char* where, const std::string& expected) const {
    const char* stop = std::find_if(where, end_, is_blank);
    std::string found(where, std::min(stop, where + 40));
    for (char& c : found)
      if (c < ' ' || c > '~') c = '?';  // bytes of a foreign file stay out of the message
    throw Failure{number_, where - begin_ + 1,
                  expected + ", found " + (found.empty() ? "the end of the word" : "'" + found + "'")};
  }

 private:
  // Too small becomes 0, as everywhere else; too large is an error.
  template <class Float>
  Float out_of_range(const char* start) const {
    const std::string word(start, std::find_if(start, end_, is_blank));
    return std::fabs(std::strtod(word.c_str(), nullptr)) < 1 ? Float{0}
                                                             : std::numeric_limits<Float>::infinity();
  }

  const char *begin_, *at_, *end_;
  int64_t number_;
};

struct Entry {
  int32_t id;
  float value;
  const char* at;
};

// The rows of one piece of the text.
struct Chunk {
  TextRows rows;
  int64_t n_lines = 0;
  std::optional<Failure> failure;
};

class ChunkParser {
 public:
  ChunkParser(std::string_view text, TextFormat format, Limits limits, Chunk& chunk)
      : text_(text), format_(format), limits_(limits), chunk_(chunk), rows_(chunk.rows) {}

  void run() {
    rows_.indptr.push_back(0);
    rows_.label_indptr.push_back(0);
    rows_.indices.reserve(text_.size() / 8);
    rows_.values.reserve(text_.size() / 8);
    try {
      for (size_t begin = 0; begin < text_.size(); ++chunk_.n_lines) {
        const size_t end = std::min(text_.find('\n', begin), text_.size());
        parse(Line(text_.substr(begin, end - begin), chunk_.n_lines));
        begin = end + 1;
      }
    } catch (Failure& failure) {
      chunk_.failure = std::move(failure);
    }
  }

 private:
  void parse(Line line) {
    if (line.empty()) return;
    if (format_.labels) {
      if (!line.starts_blank() && !line.starts_with_feature()) parse_labels(line);
      rows_.label_indptr.push_back(static_cast<int64_t>(rows_.labels.size()));
    } else {
      if (!line.next_word()) return;
      rows_.targets.push_back(line.number<double>("target"));
      line.end_of_word("a blank after the target");
    }
    entries_.clear();
    while (line.next_word()) parse_feature(line);
    append(line);
  }

  void parse_labels(Line& line) {
    entries_.clear();
    do {
      const char* at = line.at();
      entries_.push_back({line.id("label", limits_.labels), 1, at});
    } while (line.take(','));
    line.end_of_word("a comma or a blank after the label");
    merge(line);
    for (const Entry& entry : entries_) rows_.labels.push_back(entry.id);
    if (!entries_.empty()) rows_.n_labels = std::max<int64_t>(rows_.n_labels, entries_.back().id + 1);
  }

  void parse_feature(Line& line) {
    if (line.starts_with("qid:")) return line.skip_word();
    const char* at = line.at();
    const int32_t id = line.id("feature", limits_.features);
    if (!line.take(':')) line.fail(line.at(), "expected ':' after the feature");
    entries_.push_back({id, line.number<float>("value"), at});
    line.end_of_word("a blank after the value");
  }

  void append(const Line& line) {
    merge(line);
    for (const Entry& entry : entries_) {
      if (entry.value == 0) continue;
      rows_.indices.push_back(entry.id);
      rows_.values.push_back(entry.value);
    }
    rows_.indptr.push_back(static_cast<int64_t>(rows_.indices.size()));
    if (entries_.empty()) return;
    rows_.has_feature_0 |= entries_.front().id == 0;
    rows_.n_features = std::max<int64_t>(rows_.n_features, entries_.back().id + 1);
  }

  // Ascending ids, each once: values of the same id are summed in the order of the text.
  void merge(const Line& line) {
    const auto less = [](const Entry& a, const Entry& b) { return a.id < b.id; };
    const auto not_less = [](const Entry& a, const Entry& b) { return a.id >= b.id; };
    if (std::adjacent_find(entries_.begin(), entries_.end(), not_less) == entries_.end()) return;
    std::stable_sort(entries_.begin(), entries_.end(), less);
    size_t n = 0;
    for (const Entry& entry : entries_) {
      if (n == 0 || entries_[n - 1].id != entry.id) {
        entries_[n++] = entry;
        continue;
      }
      entries_[n - 1].value += entry.value;
      if (!std::isfinite(entries_[n - 1].value)) line.fail(entry.at, "the sum of a feature is not finite");
    }
    entries_.resize(n);
  }

  std::string_view text_;
  TextFormat format_;
  Limits limits_;
  Chunk& chunk_;
  TextRows& rows_;
  std::vector<Entry> entries_;  // of the line at hand
};

struct Header {
  int64_t rows;
  Limits limits;
};

Header parse_header(std::string_view first) {
  try {
    Line line(first, 0);
    int64_t sizes[3];
    const char* names[3] = {"number of rows", "number of features", "number of labels"};
    for (int i = 0; i < 3; ++i) {
      line.next_word();
      sizes[i] = line.id(names[i], std::numeric_limits<int32_t>::max());
      line.end_of_word("a header `rows features labels`");
    }
    if (line.next_word()) line.fail(line.at(), "expected nothing after the header `rows features labels`");
    return {sizes[0], {sizes[1], sizes[2]}};
  } catch (const Failure& failure) {
    raise(failure);
  }
}

std::vector<std::string_view> chunks_of(std::string_view text) {
  std::vector<std::string_view> chunks;
  for (size_t begin = 0; begin < text.size();) {
    const size_t newline = text.find('\n', std::min(begin + kChunk, text.size()) - 1);
    const size_t end = newline == text.npos ? text.size() : newline + 1;
    chunks.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return chunks;
}

template <class T>
size_t total(const std::vector<Chunk>& chunks, std::vector<T> TextRows::* part) {
  size_t n = 0;
  for (const Chunk& chunk : chunks) n += (chunk.rows.*part).size();
  return n;
}

template <class T>
void concatenate(const std::vector<Chunk>& chunks, std::vector<T> TextRows::* part, TextRows& all) {
  (all.*part).reserve(total(chunks, part));
  for (const Chunk& chunk : chunks)
    (all.*part).insert((all.*part).end(), (chunk.rows.*part).begin(), (chunk.rows.*part).end());
}

// Row starts count on from chunk to chunk; each chunk begins with a 0 of its own.
void concatenate_starts(const std::vector<Chunk>& chunks, std::vector<int64_t> TextRows::* part,
                        TextRows& all) {
  std::vector<int64_t>& starts = all.*part;
  starts.reserve(total(chunks, part) + 1);
  starts.push_back(0);
  for (const Chunk& chunk : chunks) {
    const int64_t offset = starts.back();
    const std::vector<int64_t>& own = chunk.rows.*part;
    for (size_t i = 1; i < own.size(); ++i) starts.push_back(offset + own[i]);
  }
}

TextRows join(const std::vector<Chunk>& chunks) {
  TextRows all;
  concatenate_starts(chunks, &TextRows::indptr, all);
  concatenate(chunks, &TextRows::indices, all);
  concatenate(chunks, &TextRows::values, all);
  concatenate_starts(chunks, &TextRows::label_indptr, all);
  concatenate(chunks, &TextRows::labels, all);
  concatenate(chunks, &TextRows::targets, all);
  for (const Chunk& chunk : chunks) {
    all.n_features = std::max(all.n_features, chunk.rows.n_features);
    all.n_labels = std::max(all.n_labels, chunk.rows.n_labels);
    all.has_feature_0 |= chunk.rows.has_feature_0;
  }
  return all;
}

}  // namespace

TextRows parse_text(std::string_view text, TextFormat format, Pool& pool) {
  Limits limits;
  std::optional<Header> header;
  if (format.header) {
    const size_t newline = std::min(text.find('\n'), text.size());
    header = parse_header(text.substr(0, newline));
    limits = header->limits;
    text.remove_prefix(std::min(newline + 1, text.size()));
  }
  const std::vector<std::string_view> pieces = chunks_of(text);
  std::vector<Chunk> chunks(pieces.size());
  pool.parallel_for(static_cast<int64_t>(pieces.size()), 1,
                    [&](int64_t i, int) { ChunkParser(pieces[i], format, limits, chunks[i]).run(); });

  int64_t lines_before = header ? 1 : 0;
  for (Chunk& chunk : chunks) {
    if (chunk.failure)
      raise({lines_before + chunk.failure->line, chunk.failure->column, chunk.failure->what});
    lines_before += chunk.n_lines;
  }
  TextRows rows = join(chunks);
  if (!header) return rows;
  if (rows.size() != header->rows)
    raise({0, 1,
           "the header states " + std::to_string(header->rows) + " rows, but the text has " +
               std::to_string(rows.size())});
  rows.n_features = header->limits.features;
  rows.n_labels = header->limits.labels;
  return rows;
}

}  // namespace fewfire
