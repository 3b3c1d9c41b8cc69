// The kernels of one level, by their types in kernels.h; table.cpp gathers them.
#pragma once

#include <type_traits>

#include "kernels/kernels.h"

namespace fewfire::FEWFIRE_LEVEL {

template <class Pointer>
using Function = std::remove_pointer_t<Pointer>;

Function<decltype(Kernels::score_rows)> score_rows;
Function<decltype(Kernels::score_dense)> score_dense;
Function<decltype(Kernels::score_inputs)> score_inputs;
Function<decltype(Kernels::score_block)> score_block;
Function<decltype(Kernels::score_bytes)> score_bytes;
Function<decltype(Kernels::gather_sum)> gather_sum;
Function<decltype(Kernels::weighted_sum)> weighted_sum;
Function<decltype(Kernels::spread)> spread;
Function<decltype(Kernels::spread_lines)> spread_lines;
Function<decltype(Kernels::exponentials)> exponentials;
Function<decltype(Kernels::largest)> largest;
Function<decltype(Kernels::thin)> thin;
Function<decltype(Kernels::masked_sum)> masked_sum;
Function<decltype(Kernels::count_bits)> count_bits;
Function<decltype(Kernels::pattern_sum)> pattern_sum;
Function<decltype(Kernels::hamming)> hamming;
Function<decltype(Kernels::hadamard)> hadamard;
Function<decltype(Kernels::order_keys)> order_keys;
Function<decltype(Kernels::count_at_least)> count_at_least;
Function<decltype(Kernels::sum_of_squares)> sum_of_squares;
Function<decltype(Kernels::widen_row)> widen_row;
Function<decltype(Kernels::update)> update;

}  // namespace fewfire::FEWFIRE_LEVEL
