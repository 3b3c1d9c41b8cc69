// What the core follows in hash families and indexes without looking; see base/check.h. What is particular to
// one of them, its own constructor checks. A family trusts the index that holds it.
#pragma once

#include "base/check.h"
#include "hash/hash.h"
#include "hash/index.h"

namespace fewfire {

void check_shape(int64_t n_columns, int64_t n_tables);
void check_bits(int n_bits);

// Rows of the family's shape, and a mean input of it.
void check_rows(const Hash& hash, const Weights& weights, std::span<const float> bias);
void check_center(const Hash& hash, std::span<const float> center);

// The layer that the index was made for, and some of its rows.
void check_layer(const Index& index, const Weights& weights);
void check_layer(const Index& index, const Weights& weights, std::span<const float> bias);
void check_layer(const Index& index, const Weights& weights, std::span<const float> bias,
                 std::span<const RowId> rows);

}  // namespace fewfire
