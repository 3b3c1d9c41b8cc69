// The table of this level.
#include "kernels/levels/lanes.h"

namespace fewfire::FEWFIRE_LEVEL {

extern const Kernels table;
const Kernels table = {score_rows,     score_dense,    score_inputs, score_block,  score_bytes, gather_sum,
                       weighted_sum,   spread,         spread_lines, exponentials, largest,     thin,
                       masked_sum,     count_bits,     pattern_sum,  hamming,      hadamard,    order_keys,
                       count_at_least, sum_of_squares, widen_row,    update};

}  // namespace fewfire::FEWFIRE_LEVEL
