#include "tagger/cluster.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/rng.h"

namespace fewfire {
namespace {

constexpr int kRounds = 12;
constexpr double kGain = 1e-4;  // relative, of the mean cosine; below it a split has settled

struct Means {                                 // scratch of one thread
  std::vector<std::array<float, 2>> sums;      // of the two halves, dense; 0 outside a split
  std::vector<std::array<float, 2>> products;  // of each member with them
  std::vector<float> scores;
  std::vector<RowId> order;
};

void add_rows(const SparseInputs& rows, std::span<const RowId> members, size_t half, Means& means) {
  RowBuffer none;
  for (const RowId member : members) {
    const SparseVector row = rows.row(member, none);
    for (int64_t k = 0; k < row.size(); ++k) means.sums[row.ids[k]][half] += row.values[k];
  }
}

void clear_rows(const SparseInputs& rows, std::span<const RowId> members, Means& means) {
  RowBuffer none;
  size_t n_values = 0;
  for (const RowId member : members) n_values += rows.row(member, none).ids.size();
  if (n_values > means.sums.size()) {  // which is in order, and once each
    std::fill(means.sums.begin(), means.sums.end(), std::array{0.0f, 0.0f});
    return;
  }
  for (const RowId member : members)
    for (const RowId id : rows.row(member, none).ids) means.sums[id] = {0.0f, 0.0f};
}

std::array<float, 2> multiply(SparseVector row, const Means& means) {
  float a = 0.0f, b = 0.0f;
  for (int64_t k = 0; k < row.size(); ++k) {
    a += row.values[k] * means.sums[row.ids[k]][0];
    b += row.values[k] * means.sums[row.ids[k]][1];
  }
  return {a, b};
}

float inverse(double x) { return x > 0.0 ? static_cast<float>(1.0 / std::sqrt(x)) : 0.0f; }

// scores[i]: by how much members[i] is nearer to the first mean than to the second, of which the
// first n_one members and n_other from the middle on are; returns the mean cosine with the own half's mean.
double compare(const SparseInputs& rows, std::span<const RowId> members, size_t n_one, size_t n_other,
               Means& means) {
  RowBuffer none;
  const size_t n = members.size(), half = n / 2;
  means.products.resize(n);
  double first_square = 0.0, second_square = 0.0;  // |sum|^2 is the sum of its rows' products with it
  for (size_t i = 0; i < n; ++i) {
    const auto [a, b] = means.products[i] = multiply(rows.row(members[i], none), means);
    if (i < n_one) first_square += a;
    if (i >= half && i < half + n_other) second_square += b;
  }
  const float first_scale = inverse(first_square), second_scale = inverse(second_square);
  double total = 0.0;
  for (size_t i = 0; i < n; ++i) {
    const float a = means.products[i][0] * first_scale, b = means.products[i][1] * second_scale;
    means.scores[i] = a - b;
    total += i < half ? a : b;
  }
  return total / static_cast<double>(n);
}

// Reorders the members so that their first half is one cluster and the second the other.
void halve(const SparseInputs& rows, std::span<RowId> members, uint64_t seed, uint64_t key, Means& means) {
  const size_t half = members.size() / 2;
  if (half == 0) return;
  for (size_t i = 0; i < 2; ++i)  // two members to begin with
    std::swap(members[i == 0 ? 0 : half],
              members[i == 0 ? random_below(static_cast<int64_t>(members.size()), random_bits(seed, key, 0))
                             : 1 + random_below(static_cast<int64_t>(members.size()) - 1,
                                                random_bits(seed, key, 1))]);
  std::span<const RowId> one = members.first(1), other = members.subspan(half, 1);
  means.scores.resize(members.size());
  means.order.resize(members.size());
  double last = -1.0;
  for (int round = 0; round < kRounds; ++round) {
    clear_rows(rows, members, means);
    add_rows(rows, one, 0, means);
    add_rows(rows, other, 1, means);
    const double now = compare(rows, members, one.size(), other.size(), means);
    if (round > 1 && now - last <= kGain * now) break;
    last = now;
    std::iota(means.order.begin(), means.order.end(), 0);
    std::nth_element(means.order.begin(), means.order.begin() + static_cast<int64_t>(half), means.order.end(),
                     [&](RowId a, RowId b) {
                       const float x = means.scores[a], y = means.scores[b];
                       return x != y ? x > y : members[a] < members[b];
                     });
    for (RowId& place : means.order) place = members[place];
    std::copy(means.order.begin(), means.order.end(), members.begin());
    one = members.first(half), other = members.subspan(half);
  }
  clear_rows(rows, members, means);
}

// The begins of the 2^depth stretches of n rows, and n.
std::vector<int64_t> stretches(int64_t n, int depth) {
  std::vector<int64_t> begins{0, n};
  for (int level = 0; level < depth; ++level) {
    std::vector<int64_t> halves{0};
    for (size_t i = 0; i + 1 < begins.size(); ++i) {
      halves.push_back(begins[i] + (begins[i + 1] - begins[i]) / 2);
      halves.push_back(begins[i + 1]);
    }
    begins.swap(halves);
  }
  return begins;
}

}  // namespace

Leaves cluster(const SparseInputs& rows, int depth, uint64_t seed, Pool& pool) {
  require(depth >= 0 && depth <= 30 && rows.n_rows() >= int64_t{1} << depth,
          "2^depth leaves want as many rows");
  std::vector<RowId> order(static_cast<size_t>(rows.n_rows()));
  std::iota(order.begin(), order.end(), 0);
  std::vector<Means> means(static_cast<size_t>(pool.size()));
  for (Means& own : means) own.sums.resize(static_cast<size_t>(rows.n_columns()));
  for (int level = 0; level < depth; ++level) {
    const std::vector<int64_t> begins = stretches(rows.n_rows(), level);
    pool.parallel_for(int64_t{1} << level, 1, [&](int64_t i, int thread) {
      const auto members = std::span(order).subspan(static_cast<size_t>(begins[i]),
                                                    static_cast<size_t>(begins[i + 1] - begins[i]));
      halve(rows, members, seed, static_cast<uint64_t>((int64_t{1} << level) + i), means[thread]);
    });
  }
  return {std::move(order), stretches(rows.n_rows(), depth)};
}

}  // namespace fewfire
