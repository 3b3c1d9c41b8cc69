// The table of this level.
#include "kernels/levels/level.h"

namespace fewfire::FEWFIRE_LEVEL {

extern const Kernels table;
const Kernels table = {
    .score_rows = score_rows,
    .score_dense = score_dense,
    .score_inputs = score_inputs,
    .score_block = score_block,
    .score_bytes = score_bytes,
    .gather_sum = gather_sum,
    .weighted_sum = weighted_sum,
    .spread = spread,
    .spread_lines = spread_lines,
    .exponentials = exponentials,
    .largest = largest,
    .thin = thin,
    .masked_sum = masked_sum,
    .count_bits = count_bits,
    .pattern_sum = pattern_sum,
    .hamming = hamming,
    .hadamard = hadamard,
    .order_keys = order_keys,
    .count_at_least = count_at_least,
    .sum_of_squares = sum_of_squares,
    .widen_row = widen_row,
    .update = update,
};

}  // namespace fewfire::FEWFIRE_LEVEL
