// Multi-probe: the codes next to a code of sign bits, the likeliest first. A bit whose product is nearly
// zero is nearly a toss-up, so the buckets to visit are those that flip the bits with the least margins:
// sets of bits in ascending order of the sum of their squared products (Lv et al., VLDB 2007).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fewfire {

struct ProbeScratch {  // of one thread
  struct Flips {       // a set of bits; positions count bits from the least certain up
    float cost;
    uint32_t positions;
    int last;  // the highest position
  };
  std::vector<int> order;
  std::vector<Flips> heap;
};

// codes[0]: bit b says whether products[b] > 0; then codes.size() - 1 <= 2^bits - 1 others, nearest first.
void probe(std::span<const float> products, std::span<uint32_t> codes, ProbeScratch& scratch);

}  // namespace fewfire
