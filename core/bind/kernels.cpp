// The kernels of each SIMD level one by one, for tests alone: nothing checks their arguments. These are
// those of kernels.h, outputs too, but for the sizes of arrays; rates are told as an optimizer's step.
#include "kernels/kernels.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>

#include <bit>
#include <optional>

#include "bind/convert.h"
#include "kernels/dispatch.h"
#include "network/optimizer.h"

using namespace fewfire;
using namespace nb::literals;

namespace {

using Ids = Array1<const RowId>;
using Floats = Array1<const float>;
using Out = Array1<float>;

template <class Array>
auto data_of(std::optional<Array>& array) {
  return array ? array->data() : nullptr;
}

int64_t size_of(const auto& array) { return static_cast<int64_t>(array.size()); }

void bind_scores(nb::class_<Kernels>& level) {
  level
      .def(
          "score_rows",
          [](const Kernels& own, ReadWeights weights, Floats bias, std::optional<Ids> rows, int64_t first,
             Ids ids, Floats values, Out scores) {
            own.score_rows(view(weights), bias.data(), data_of(rows), first, size_of(scores),
                           {view(ids), view(values)}, scores.data());
          },
          "weights"_a, "bias"_a, "rows"_a.none(), "first"_a, "ids"_a, "values"_a, "scores"_a.noconvert())
      .def(
          "score_dense",
          [](const Kernels& own, ReadWeights weights, std::optional<Floats> bias, std::optional<Ids> rows,
             int64_t first, Floats x, Out scores) {
            own.score_dense(view(weights), data_of(bias), data_of(rows), first, size_of(scores), x.data(),
                            scores.data());
          },
          "weights"_a, "bias"_a.none(), "rows"_a.none(), "first"_a, "x"_a, "scores"_a.noconvert())
      .def(
          "score_inputs",
          [](const Kernels& own, ReadWeights row, Array2<const float> inputs, Ids examples, Out scores) {
            own.score_inputs(view(row), view(inputs), examples.data(), size_of(examples), scores.data());
          },
          "row"_a, "inputs"_a, "examples"_a, "scores"_a.noconvert())
      .def(
          "score_block",
          [](const Kernels& own, ReadWeights weights, Floats bias, int64_t first, int64_t n,
             Array2<const float> inputs, Array2<float> scores) {
            own.score_block(view(weights), bias.data(), first, n, view(inputs), scores.data(),
                            view(scores).cols);
          },
          "weights"_a, "bias"_a, "first"_a, "n"_a, "inputs"_a, "scores"_a.noconvert())
      .def(
          "score_bytes",
          [](const Kernels& own, Array2<const int8_t> rows, Floats scales, Floats bias,
             Array1<const int16_t> x, float scale, Out scores) {
            own.score_bytes(view(rows), scales.data(), bias.data(), x.data(), scale, scores.data());
          },
          "rows"_a, "scales"_a, "bias"_a, "x"_a, "scale"_a, "scores"_a.noconvert());
}

void bind_sums(nb::class_<Kernels>& level) {
  level
      .def(
          "gather_sum",
          [](const Kernels& own, ReadWeights weights, Ids rows, Floats deltas, Ids ids, Out sums) {
            own.gather_sum(view(weights), view(rows), deltas.data(), view(ids), sums.data());
          },
          "weights"_a, "rows"_a, "deltas"_a, "ids"_a, "sums"_a.noconvert())
      .def(
          "weighted_sum",
          [](const Kernels& own, ReadWeights matrix, std::optional<Ids> rows, int64_t first,
             Floats coefficients, Out sums) {
            own.weighted_sum(view(matrix), data_of(rows), first, coefficients.data(), size_of(coefficients),
                             sums.data());
          },
          "matrix"_a, "rows"_a.none(), "first"_a, "coefficients"_a, "sums"_a.noconvert())
      .def(
          "spread",
          [](const Kernels& own, Floats values, Ids rows, Floats coefficients, Array2<float> sums) {
            own.spread(values.data(), rows.data(), coefficients.data(), size_of(rows), view(sums));
          },
          "values"_a, "rows"_a, "coefficients"_a, "sums"_a.noconvert())
      .def(
          "spread_lines",
          [](const Kernels& own, Floats values, Ids lines, Ids rows, Floats coefficients,
             Array2<float> sums) {
            own.spread_lines(values.data(), lines.data(), size_of(lines), rows.data(), coefficients.data(),
                             size_of(rows), view(sums));
          },
          "values"_a, "lines"_a, "rows"_a, "coefficients"_a, "sums"_a.noconvert())
      .def(
          "sum_of_squares",
          [](const Kernels& own, Floats values) {
            return own.sum_of_squares(values.data(), size_of(values));
          },
          "values"_a)
      .def(
          "hadamard",
          [](const Kernels& own, Out values) {
            own.hadamard(values.data(), std::countr_zero(values.size()));
          },
          "values"_a.noconvert());
}

void bind_values(nb::class_<Kernels>& level) {
  level
      .def(
          "exponentials",
          [](const Kernels& own, Floats scores, float shift, Out values) {
            return own.exponentials(scores.data(), size_of(scores), shift, values.data());
          },
          "scores"_a, "shift"_a, "values"_a.noconvert())
      .def(
          "largest",
          [](const Kernels& own, Floats values) { return own.largest(values.data(), size_of(values)); },
          "values"_a)
      .def(
          "thin",
          [](const Kernels& own, Out values, float least, uint32_t key) {
            own.thin(values.data(), size_of(values), least, key);
          },
          "values"_a.noconvert(), "least"_a, "key"_a)
      .def(
          "widen_row",
          [](const Kernels& own, Array1<const uint16_t> bits, Out to) {
            own.widen_row(reinterpret_cast<const BFloat16*>(bits.data()), size_of(bits), to.data());
          },
          "bits"_a, "to"_a.noconvert())
      .def(
          "order_keys",
          [](const Kernels& own, Floats scores, Array1<uint32_t> keys) {
            own.order_keys(scores.data(), size_of(scores), keys.data());
          },
          "scores"_a, "keys"_a.noconvert())
      .def(
          "count_at_least",
          [](const Kernels& own, Array1<const uint32_t> keys, uint32_t bound) {
            return own.count_at_least(keys.data(), size_of(keys), bound);
          },
          "keys"_a, "bound"_a)
      .def(
          "update",
          [](const Kernels& own, const Optimizer& optimizer, float lr, int64_t step,
             WeightsArray<float, uint16_t> row, uint32_t key, std::optional<Out> first,
             std::optional<Out> second, std::optional<Ids> ids, Floats values, float scale,
             std::optional<Array1<RowId>> flipped) {
            return own.update(optimizer.rule, optimizer.rates(lr, step), view(row), key, data_of(first),
                              data_of(second), data_of(ids), values.data(), scale, size_of(values),
                              data_of(flipped));
          },
          "optimizer"_a, "lr"_a, "step"_a, "row"_a.noconvert(), "key"_a, "first"_a.noconvert().none(),
          "second"_a.noconvert().none(), "ids"_a.none(), "values"_a, "scale"_a,
          "flipped"_a.noconvert().none());
}

void bind_codes(nb::class_<Kernels>& level) {
  using Words = Array2<const uint64_t>;
  level
      .def(
          "masked_sum",
          [](const Kernels& own, Words words, Ids ids, Floats values, Out sums) {
            own.masked_sum(view(words), {view(ids), view(values)}, sums.data());
          },
          "words"_a, "ids"_a, "values"_a, "sums"_a.noconvert())
      .def(
          "count_bits",
          [](const Kernels& own, Words words, Ids ids, Array2<uint64_t> planes) {
            own.count_bits(view(words), view(ids), view(planes));
          },
          "words"_a, "ids"_a, "planes"_a.noconvert())
      .def(
          "pattern_sum",
          [](const Kernels& own, Words bits, Ids rows, Ids groups, Array2<const float> sums_of_patterns,
             Out sums) {
            own.pattern_sum(view(bits), rows.data(), size_of(rows), groups.data(), sums_of_patterns.data(),
                            size_of(groups), sums.data());
          },
          "bits"_a, "rows"_a, "groups"_a, "sums_of_patterns"_a, "sums"_a.noconvert())
      .def(
          "hamming",
          [](const Kernels& own, Words bits, Ids rows, Array1<const uint64_t> words, Out distances) {
            own.hamming(view(bits), rows.data(), size_of(rows), words.data(), distances.data());
          },
          "bits"_a, "rows"_a, "words"_a, "distances"_a.noconvert());
}

}  // namespace

void fewfire::bind_kernels(nb::module_& m) {
  nb::class_<Kernels> level(m, "Kernels", "The kernels of one SIMD level, unchecked: for tests alone.");
  bind_scores(level);
  bind_sums(level);
  bind_values(level);
  bind_codes(level);
  m.def(
      "kernels", [](const std::string& name) { return kernels(name); }, "level"_a,
      "The kernels of one SIMD level, for tests alone.");
}
