#include "hash/probes.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace fewfire {
namespace {

uint32_t sign_code(std::span<const float> products) {
  uint32_t code = 0;
  for (size_t bit = 0; bit < products.size(); ++bit) code |= uint32_t{products[bit] > 0.0f} << bit;
  return code;
}

}  // namespace

void probe(std::span<const float> products, std::span<uint32_t> codes, ProbeScratch& scratch) {
  assert(codes.size() <= size_t{1} << products.size());
  codes[0] = sign_code(products);
  if (codes.size() == 1) return;
  const int n = static_cast<int>(products.size());
  std::vector<int>& order = scratch.order;
  std::vector<ProbeScratch::Flips>& heap = scratch.heap;
  order.resize(products.size());
  std::iota(order.begin(), order.end(), 0);
  // NaN products compare as equals of everything, which no sort survives: they cost nothing.
  const auto cost = [&](int bit) {
    const float square = products[bit] * products[bit];
    return square == square ? square : 0.0f;
  };
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    const float x = cost(a), y = cost(b);
    return x != y ? x < y : a < b;
  });

  // Every set is made once: from one without its highest position, or with that one lower.
  using Flips = ProbeScratch::Flips;
  const auto dearer = [](const Flips& a, const Flips& b) {
    return a.cost != b.cost ? a.cost > b.cost : a.positions > b.positions;
  };
  const auto push = [&](Flips flips) {
    heap.push_back(flips);
    std::push_heap(heap.begin(), heap.end(), dearer);
  };
  heap.clear();
  push({cost(order[0]), 1u, 0});
  for (uint32_t& code : codes.subspan(1)) {
    std::pop_heap(heap.begin(), heap.end(), dearer);
    const Flips best = heap.back();
    heap.pop_back();
    code = codes[0];
    for (int position = 0; position <= best.last; ++position)
      if (best.positions >> position & 1u) code ^= 1u << order[position];
    const int next = best.last + 1;
    if (next == n) continue;
    const float step = cost(order[next]);
    push({best.cost + step, best.positions | 1u << next, next});
    push({best.cost - cost(order[best.last]) + step, (best.positions ^ 1u << best.last) | 1u << next, next});
  }
}

}  // namespace fewfire
