#include "text/count.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace fewfire {
namespace {

constexpr int64_t kBlock = 64;  // texts that a thread takes at a time

struct Block {  // of neighbouring texts
  std::vector<int64_t> lengths;
  std::vector<RowId> indices;
  std::vector<float> values;
  int thread = 0;
};

// Appends a text's numbers, sorted here, each with how often it comes.
void append(std::vector<RowId>& numbers, Block& block) {
  std::sort(numbers.begin(), numbers.end());
  const size_t before = block.indices.size();
  for (const RowId number : numbers) {
    if (block.indices.size() > before && block.indices.back() == number) {
      block.values.back() += 1.0f;
    } else {
      block.indices.push_back(number);
      block.values.push_back(1.0f);
    }
  }
  block.lengths.push_back(static_cast<int64_t>(block.indices.size() - before));
}

// number(term, thread), -1 of those that do not count, of all terms of all texts.
template <class Number>
std::vector<Block> count_blocks(const Texts& texts, const Analysis& analysis, Pool& pool, Number&& number) {
  checked(texts.strings);
  const int64_t n = texts.strings.size();
  std::vector<Block> blocks(static_cast<size_t>((n + kBlock - 1) / kBlock));
  pool.parallel_blocks(n, kBlock, 1, [&](int64_t begin, int64_t end, int thread) {
    Analyzer analyzer(analysis, texts.characters);
    Block& block = blocks[static_cast<size_t>(begin / kBlock)];
    block.thread = thread;
    std::vector<RowId> numbers;
    for (int64_t i = begin; i < end; ++i) {
      numbers.clear();
      analyzer(texts.strings[i], [&](std::string_view term) {
        if (const RowId found = number(term, thread); found >= 0) numbers.push_back(found);
      });
      append(numbers, block);
    }
  });
  return blocks;
}

Counts join(const std::vector<Block>& blocks) {
  Counts all;
  size_t n_values = 0;
  for (const Block& block : blocks) n_values += block.indices.size();
  all.indices.reserve(n_values);
  all.values.reserve(n_values);
  for (const Block& block : blocks) {
    for (const int64_t length : block.lengths) all.indptr.push_back(all.indptr.back() + length);
    all.indices.insert(all.indices.end(), block.indices.begin(), block.indices.end());
    all.values.insert(all.values.end(), block.values.begin(), block.values.end());
  }
  return all;
}

// Leaves out values without a new number, and sorts those of each text by the new ones.
void renumber(const std::vector<RowId>& numbers, Block& block) {
  std::vector<std::pair<RowId, float>> row;
  size_t read = 0, written = 0;
  for (int64_t& length : block.lengths) {
    row.clear();
    for (const size_t end = read + static_cast<size_t>(length); read < end; ++read)
      if (const RowId number = numbers[static_cast<size_t>(block.indices[read])]; number >= 0)
        row.emplace_back(number, block.values[read]);
    std::sort(row.begin(), row.end());
    for (const auto& [number, value] : row) {
      block.indices[written] = number;
      block.values[written++] = value;
    }
    length = static_cast<int64_t>(row.size());
  }
  block.indices.resize(written);
  block.values.resize(written);
}

}  // namespace

Learned learn_terms(const Texts& texts, const Analysis& analysis, int64_t least, Pool& pool) {
  std::vector<Terms> of_threads(static_cast<size_t>(pool.size()));
  std::vector<Block> blocks = count_blocks(texts, analysis, pool, [&](std::string_view term, int thread) {
    return of_threads[static_cast<size_t>(thread)].find_or_add(term);
  });

  Terms all;
  std::vector<std::vector<RowId>> numbers(of_threads.size());  // of each thread's terms among all
  for (size_t thread = 0; thread < of_threads.size(); ++thread)
    for (RowId i = 0; i < of_threads[thread].size(); ++i)
      numbers[thread].push_back(all.find_or_add(of_threads[thread][i]));
  std::vector<int64_t> n_texts(static_cast<size_t>(all.size()));
  for (const Block& block : blocks)
    for (const RowId own : block.indices) ++n_texts[static_cast<size_t>(numbers[block.thread][own])];

  std::vector<RowId> order(n_texts.size());
  std::iota(order.begin(), order.end(), 0);
  std::erase_if(order, [&](RowId i) { return n_texts[i] < least; });
  std::sort(order.begin(), order.end(), [&](RowId a, RowId b) { return all[a] < all[b]; });

  Learned found;
  std::vector<RowId> places(n_texts.size(), -1);
  found.begins.push_back(0);
  for (const RowId i : order) {
    places[i] = static_cast<RowId>(found.n_texts.size());
    found.bytes.insert(found.bytes.end(), all[i].begin(), all[i].end());
    found.begins.push_back(static_cast<int64_t>(found.bytes.size()));
    found.n_texts.push_back(n_texts[i]);
  }
  for (std::vector<RowId>& own : numbers)
    for (RowId& number : own) number = places[number];
  pool.parallel_for(static_cast<int64_t>(blocks.size()), 1,
                    [&](int64_t i, int) { renumber(numbers[blocks[i].thread], blocks[i]); });
  found.counts = join(blocks);
  return found;
}

Counts count_terms(const Texts& texts, const Analysis& analysis, const Terms& terms, Pool& pool) {
  return join(
      count_blocks(texts, analysis, pool, [&](std::string_view term, int) { return terms.find(term); }));
}

Counts hash_terms(const Texts& texts, const Analysis& analysis, int64_t n_features, Pool& pool) {
  require(n_features >= 1 && n_features <= std::numeric_limits<RowId>::max(),
          "n_features must be in 1 .. 2^31 - 1");
  return join(count_blocks(texts, analysis, pool, [&](std::string_view term, int) {
    const int64_t hash = static_cast<int32_t>(murmur(term));
    return static_cast<RowId>(hash == std::numeric_limits<int32_t>::min()
                                  ? (std::numeric_limits<int32_t>::max() - (n_features - 1)) % n_features
                                  : std::abs(hash) % n_features);
  }));
}

void weigh_terms(const Lists& terms, const TermWeights& weights, std::span<float> values, Pool& pool) {
  check_lists(terms);
  require(values.size() == terms.indices.size(), "one value per index is wanted");
  check_ids(terms.indices, static_cast<int64_t>(weights.of_terms.size()), "a term has no weight");
  pool.parallel_for(terms.size(), kBlock, [&](int64_t i, int) {
    const std::span<const RowId> ids = terms[i];
    const std::span<float> own = values.subspan(static_cast<size_t>(terms.indptr[i]), ids.size());
    double sum = 0;
    for (size_t j = 0; j < ids.size(); ++j) {
      const float count = weights.sublinear ? std::log(own[j]) + 1.0f : own[j];
      own[j] = count * weights.of_terms[ids[j]];
      sum += double{own[j] * own[j]};
    }
    if (sum == 0) return;
    const double length = std::sqrt(sum);
    for (float& value : own) value = static_cast<float>(double{value} / length);
  });
}

}  // namespace fewfire
