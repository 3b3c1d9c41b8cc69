// Everything Python sees of the core. A binding checks, translates and nothing else; the GIL is free
// while the core runs. Arrays are borrowed: numpy owns the memory that the core reads and changes.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include "base/version.h"
#include "bind/convert.h"
#include "hash/centroid.h"
#include "hash/dwta.h"
#include "hash/minhash.h"
#include "hash/sign.h"
#include "hash/simhash.h"
#include "hash/tables.h"
#include "kernels/dispatch.h"
#include "network/observe.h"
#include "network/ranking.h"
#include "network/train.h"
#include "text/text.h"

using namespace fewfire;
using namespace nb::literals;

namespace {

Activation activation_of(const std::string& name) {
  return one_of<Activation>(name, {{"relu", Activation::relu},
                                   {"tanh", Activation::tanh},
                                   {"sigmoid", Activation::sigmoid},
                                   {"linear", Activation::linear}});
}

Loss loss_of(const std::string& name) {
  return one_of<Loss>(name, {{"softmax", Loss::softmax},
                             {"decoupled", Loss::decoupled},
                             {"logistic", Loss::logistic},
                             {"squared", Loss::squared}});
}

void check_targets(const Targets& targets, const Model& model, int64_t n_examples) {
  const int64_t n_out = model.layers.back().n_rows();
  if (model.loss == Loss::squared) {
    require(targets.values.data != nullptr, "the squared loss wants ValueTargets");
    require(targets.values.rows == n_examples && targets.values.cols == n_out,
            "targets must have a row per example and a column per row of the last layer");
    return;
  }
  require(!targets.indptr.empty(), "losses of labels want LabelTargets");
  require(static_cast<int64_t>(targets.indptr.size()) == n_examples + 1,
          "targets must have a row per example");
  for (const RowId label : targets.indices)
    require(label < n_out, "a label is not below the number of output rows");
}

void check_inputs(const Inputs& inputs, const Model& model, std::span<const int64_t> ids) {
  require(inputs.n_columns() == model.layers.front().n_columns(),
          "inputs have another width than the first layer");
  for (const int64_t id : ids) require(id >= 0 && id < inputs.n_rows(), "an example id is out of range");
}

void check_states(const Model& model, const Optimizer& optimizer, const std::vector<OptimizerState>& states) {
  require(states.size() == model.layers.size(), "one optimizer state per layer is wanted");
  const auto fits = [](const Layer& layer, int64_t width, Matrix<float> moments, std::span<float> bias) {
    return moments.rows == layer.weights.rows && moments.cols == width && bias.size() == layer.bias.size();
  };
  for (size_t l = 0; l < states.size(); ++l) {
    const Layer& layer = model.layers[l];
    const OptimizerState& state = states[l];
    require(static_cast<int64_t>(state.touched.size()) == layer.weights.rows,
            "touched must have one entry per row");
    const std::vector<int64_t> widths = optimizer.moment_widths(layer.weights.cols);
    require((widths.size() < 1 || fits(layer, widths[0], state.first, state.first_bias)) &&
                (widths.size() < 2 || fits(layer, widths[1], state.second, state.second_bias)),
            "the moments do not fit the layer or the optimizer");
  }
}

Optimizer make_optimizer(const std::string& kind, float momentum, float beta1, float beta2, float rho,
                         float eps, float l2, int64_t l2_period, bool rowwise) {
  require(l2_period >= 1, "l2_period must be at least 1");
  Rule rule = one_of<Rule>(
      kind, {{"sgd", Rule::sgd}, {"adagrad", Rule::adagrad}, {"rms", Rule::rms}, {"adam", Rule::adam}});
  if (rule == Rule::sgd && momentum > 0.0f) rule = Rule::momentum;
  require(!rowwise || (rule != Rule::sgd && rule != Rule::momentum), "sgd has no second moment for a row");
  return {rule, momentum, beta1, beta2, rho, eps, l2, l2_period, rowwise};
}

using Moments = std::vector<std::pair<Array2<float>, Array1<float>>>;

OptimizerState make_state(const Moments& moments, const Array1<int64_t>& touched) {
  OptimizerState state{.touched = view(touched)};
  if (moments.size() > 0) state.first = view(moments[0].first), state.first_bias = view(moments[0].second);
  if (moments.size() > 1) state.second = view(moments[1].first), state.second_bias = view(moments[1].second);
  return state;
}

Numpy<int64_t> ledger_of(const std::vector<Ledger>& ledgers) {
  std::vector<int64_t> counts;
  for (const Ledger& ledger : ledgers) {
    const auto values = ledger.values();
    counts.insert(counts.end(), values.begin(), values.end());
  }
  return to_numpy(std::move(counts), {ledgers.size(), Ledger::kFields.size()});
}

std::vector<Numpy<int64_t>> usage_of(Totals& totals) {
  std::vector<Numpy<int64_t>> usage;
  for (std::vector<int64_t>& counts : totals.usage) usage.push_back(to_numpy(std::move(counts)));
  return usage;
}

using TrainResult = nb::typed<nb::tuple, double, int64_t, Numpy<int64_t>, std::vector<Numpy<int64_t>>>;

TrainResult bind_train(const Model& model, const Inputs& inputs, const Targets& targets,
                       Array1<const int64_t> order, Array1<const float> rates, int64_t batch_size,
                       const Optimizer& optimizer, const std::vector<OptimizerState>& states,
                       int64_t first_step, uint64_t epoch, int n_threads, bool deterministic,
                       bool counts_rows, double loss_before) {
  Totals totals;
  {
    nb::gil_scoped_release unlocked;
    require(batch_size >= 1, "batch_size must be at least 1");
    require(static_cast<int64_t>(rates.size()) ==
                (static_cast<int64_t>(order.size()) + batch_size - 1) / batch_size,
            "one learning rate per micro-batch is wanted");
    check_inputs(inputs, model, view(order));
    check_targets(targets, model, inputs.n_rows());
    check_states(model, optimizer, states);
    totals = train(
        model, inputs, targets, view(order), view(rates), optimizer, states,
        {batch_size, first_step, epoch, threads_of(n_threads), deterministic, counts_rows, loss_before});
  }
  return nb::make_tuple(totals.loss, totals.n_correct, ledger_of(totals.ledgers), usage_of(totals));
}

Mode mode_of(bool exact) { return exact ? Mode::exact : Mode::gated; }

using EvaluateResult = nb::typed<nb::tuple, Numpy<int32_t>, Numpy<float>, Numpy<double>, Numpy<int64_t>,
                                 std::vector<Numpy<int64_t>>>;

EvaluateResult bind_evaluate(const Model& model, const Inputs& inputs, const Targets* targets,
                             Array1<const int64_t> ids, int64_t k, bool exact, int n_threads,
                             bool counts_rows) {
  const size_t n = ids.size(), width = static_cast<size_t>(k);
  std::vector<RowId> rows;
  std::vector<float> scores;
  std::vector<double> losses(n);
  Totals totals;
  {
    nb::gil_scoped_release unlocked;
    require(k >= 1 && k <= model.layers.back().n_rows(), "k must be in 1 .. rows of the last layer");
    check_inputs(inputs, model, view(ids));
    if (targets != nullptr) check_targets(*targets, model, inputs.n_rows());
    rows.resize(n * width);
    scores.resize(n * width);
    const Targets known = targets != nullptr ? *targets : Targets{};
    const Mode mode = mode_of(exact);
    const bool in_blocks = ranks_all(model, mode);
    const auto take_ranked = [&](int64_t first, Workspace& space) {
      Ranking ranking;
      ranking.k = k;
      space.wants_losses = !known.empty();
      rank_all(model, space, ranking);
      std::copy(ranking.rows.begin(), ranking.rows.end(), rows.begin() + first * k);
      std::copy(ranking.scores.begin(), ranking.scores.end(), scores.begin() + first * k);
      std::copy(ranking.losses.begin(), ranking.losses.end(), losses.begin() + first);
    };
    const auto take_active = [&](int64_t first, Workspace& space, Pool& serial) {
      const auto batch = view(ids).subspan(first, space.n_examples());
      ThreadSpace& own = space.threads[0];
      for (int64_t e = 0; e < space.n_examples(); ++e) {
        const size_t at = static_cast<size_t>(first + e) * width;
        best(space.layers.back().active(e), std::span(rows).subspan(at, width),
             std::span(scores).subspan(at, width), own.ids);
      }
      if (known.empty()) return;
      compute_losses(model, known, batch, space, serial);
      std::copy(space.losses.begin(), space.losses.end(), losses.begin() + first);
    };
    const auto take = [&](int64_t first, Workspace& space, Pool& serial) {
      if (in_blocks)
        take_ranked(first, space);
      else
        take_active(first, space, serial);
    };
    totals =
        predict(model, inputs, known, view(ids), mode, threads_of(n_threads), take, in_blocks, counts_rows);
  }
  return nb::make_tuple(to_numpy(std::move(rows), {n, width}), to_numpy(std::move(scores), {n, width}),
                        to_numpy(std::move(losses), {n}), ledger_of(totals.ledgers), usage_of(totals));
}

Numpy<float> bind_scores(const Model& model, const Inputs& inputs, Array1<const int64_t> ids, bool exact,
                         int n_threads) {
  const size_t n = ids.size(), width = static_cast<size_t>(model.layers.back().n_rows());
  std::vector<float> scores;
  {
    nb::gil_scoped_release unlocked;
    check_inputs(inputs, model, view(ids));
    scores.assign(n * width, -std::numeric_limits<float>::infinity());
    predict(model, inputs, {}, view(ids), mode_of(exact), threads_of(n_threads),
            [&](int64_t first, Workspace& space, Pool&) {
              for (int64_t e = 0; e < space.n_examples(); ++e) {
                const SparseVector active = space.layers.back().active(e);
                for (int64_t i = 0; i < active.size(); ++i)
                  scores[static_cast<size_t>(first + e) * width + active.ids[i]] = active.values[i];
              }
            });
  }
  return to_numpy(std::move(scores), {n, width});
}

using CandidateResult = nb::typed<nb::tuple, Numpy<float>, Numpy<int64_t>>;

CandidateResult bind_candidate_scores(const Model& model, const Inputs& inputs, Array1<const int64_t> ids,
                                      const Targets& rows, int n_threads) {
  std::vector<float> scores;
  Totals totals;
  {
    nb::gil_scoped_release unlocked;
    check_inputs(inputs, model, view(ids));
    require(rows.indptr.size() == ids.size() + 1, "a list of rows for each example is wanted");
    for (const RowId row : rows.indices)
      require(row < model.layers.back().n_rows(), "a row is not below those of the last layer");
    const Layer& last = model.layers.back();
    require(!last.is_bag, "a bag has no rows to choose from");
    require(!last.gate || last.gate->is_plain_when_exact(), "adaptive dropout scales the values of rows");
    scores.resize(rows.indices.size());
    totals = score_rows(model, inputs, view(ids), rows, threads_of(n_threads), scores);
  }
  return nb::make_tuple(to_numpy(std::move(scores)), ledger_of(totals.ledgers));
}

Numpy<double> bind_latencies(const Model& model, const Inputs& inputs, Array1<const int64_t> ids, int64_t k,
                             bool exact) {
  std::vector<double> seconds;
  {
    nb::gil_scoped_release unlocked;
    check_inputs(inputs, model, view(ids));
    require(k >= 1 && k <= model.layers.back().n_rows(), "k must be in 1 .. rows of the last layer");
    seconds = latencies(model, inputs, view(ids), mode_of(exact), k);
  }
  return to_numpy(std::move(seconds));
}

using MeanResult = nb::typed<nb::tuple, std::vector<Numpy<float>>, Numpy<int64_t>>;

MeanResult bind_mean_inputs(const Model& model, const Inputs& inputs, Array1<const int64_t> ids,
                            int n_threads) {
  Means means;
  {
    nb::gil_scoped_release unlocked;
    require(ids.size() > 0, "a mean wants an example");
    check_inputs(inputs, model, view(ids));
    means = mean_inputs(model, inputs, view(ids), threads_of(n_threads));
  }
  std::vector<Numpy<float>> values;
  for (std::vector<float>& mean : means.values) values.push_back(to_numpy(std::move(mean)));
  return nb::make_tuple(std::move(values), ledger_of(means.ledgers));
}

using ChoiceResult = nb::typed<nb::tuple, Numpy<RowId>, Numpy<RowId>>;

ChoiceResult bind_choices(const Model& model, int64_t position, const Inputs& inputs,
                          Array1<const int64_t> ids, int n_threads) {
  Choices found;
  {
    nb::gil_scoped_release unlocked;
    require(position >= 0 && position < static_cast<int64_t>(model.layers.size()) &&
                model.layers[static_cast<size_t>(position)].gate,
            "no gate is there");
    check_inputs(inputs, model, view(ids));
    found = choices(model, static_cast<size_t>(position), inputs, view(ids), threads_of(n_threads));
  }
  const size_t n = ids.size(), width = static_cast<size_t>(found.width);
  return nb::make_tuple(to_numpy(std::move(found.chosen), {n, width}),
                        to_numpy(std::move(found.best), {n, width}));
}

void bind_data(nb::module_& m) {
  nb::class_<Inputs>(m, "Inputs").def_prop_ro("shape", [](const Inputs& inputs) {
    return std::pair(inputs.n_rows(), inputs.n_columns());
  });
  nb::class_<DenseInputs, Inputs>(m, "DenseInputs", "Rows of a dense array; zeros are skipped on the way.")
      .def(
          "__init__", [](DenseInputs* self, Array2<const float> X) { new (self) DenseInputs(view(X)); },
          "X"_a.noconvert(), nb::keep_alive<1, 2>());
  nb::class_<SparseInputs, Inputs>(m, "SparseInputs", "Rows of a CSR whose ids ascend inside a row.")
      .def(
          "__init__",
          [](SparseInputs* self, Array1<const int64_t> indptr, Array1<const RowId> indices,
             Array1<const float> values, int64_t n_columns) {
            check_lists(view(indptr), indices.size());
            require(values.size() == indices.size(), "one value per index is wanted");
            check_ascending(view(indptr), view(indices), n_columns);
            new (self) SparseInputs(view(indptr), view(indices), view(values), n_columns);
          },
          "indptr"_a.noconvert(), "indices"_a.noconvert(), "values"_a.noconvert(), "n_columns"_a,
          nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>(), nb::keep_alive<1, 4>());

  nb::class_<Targets>(m, "Targets");
  m.def(
      "LabelTargets",
      [](Array1<const int64_t> indptr, Array1<const RowId> indices) {
        check_lists(view(indptr), indices.size());
        check_ascending(view(indptr), view(indices), std::numeric_limits<RowId>::max());
        return Targets{.indptr = view(indptr), .indices = view(indices)};
      },
      "indptr"_a.noconvert(), "indices"_a.noconvert(), nb::keep_alive<0, 1>(), nb::keep_alive<0, 2>(),
      "One or many label ids per example, ascending.");
  m.def(
      "ValueTargets", [](Array2<const float> Y) { return Targets{.values = view(Y)}; }, "Y"_a.noconvert(),
      nb::keep_alive<0, 1>(), "A value for every row of the last layer.");
}

void check_rows(const Hash& hash, const ReadWeights& weights, const Array1<const float>& bias) {
  require(view(weights).cols == hash.n_columns() && static_cast<int64_t>(bias.size()) == view(weights).rows,
          "the family was made for rows of another shape");
}

void check_layer(const Index& index, const ReadWeights& weights, const Array1<const float>& bias) {
  require(index.fits(view(weights).rows, view(weights).cols) &&
              static_cast<int64_t>(bias.size()) == view(weights).rows,
          "the index was made for a layer of another shape");
}

// Does work(pool) without the interpreter's lock; returns what it cost, (1, n_fields).
template <class Work>
Numpy<int64_t> cost_of(int n_threads, Work&& work) {
  Ledger ledger;
  {
    nb::gil_scoped_release unlocked;
    Pool pool(threads_of(n_threads));
    ledger = work(pool);
  }
  return ledger_of({ledger});
}

using DriftResult = nb::typed<nb::tuple, double, Numpy<int64_t>>;

void check_some_rows(const TableIndex& index, const ReadWeights& weights, const Array1<const float>& bias,
                     const Array1<const RowId>& rows) {
  check_layer(index, weights, bias);
  for (const RowId row : view(rows)) require(row >= 0 && row < view(weights).rows, "a row is out of range");
}

void bind_indexes(nb::module_& m) {
  nb::class_<Index>(m, "Index")
      .def_prop_ro("n_bytes", &Index::bytes, "Memory of the index.")
      .def(
          "refresh",
          [](Index& self, const ReadWeights& weights, Array1<const float> bias, int n_threads) {
            check_layer(self, weights, bias);
            return cost_of(n_threads,
                           [&](Pool& pool) { return self.refresh(view(weights), view(bias), pool); });
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "n_threads"_a = 1,
          "Compute the codes of all rows afresh; returns what it cost, (1, n_fields).");
  nb::class_<SignIndex, Index>(m, "SignIndex", "Sign bits of the live weights; see core/hash/sign.h.")
      .def(
          "__init__",
          [](SignIndex* self, int64_t n_rows, int64_t n_columns, float alpha, uint64_t seed,
             std::optional<int64_t> n_read, bool binary) {
            const int64_t n = n_read.value_or(n_columns);
            require(n >= 1 && n <= n_columns, "a query reads 1 column at least, and at most all");
            new (self) SignIndex(n_rows, n_columns, alpha, seed, n, binary);
          },
          "n_rows"_a, "n_columns"_a, "alpha"_a, "seed"_a, "n_read"_a = nb::none(), "binary"_a = false)
      .def_prop_ro(
          "reads",
          [](const SignIndex& self) { return std::vector<bool>(self.reads().begin(), self.reads().end()); },
          "Whether a query reads each column.")
      .def_prop_ro(
          "bits", [](const SignIndex& self) { return to_numpy(self.bits()); }, nb::rv_policy::automatic);
  nb::class_<Hash>(m, "Hash", "A hash family; see core/hash/hash.h.")
      .def(
          "set_center",
          [](Hash& self, Array1<const float> center) {
            require(static_cast<int64_t>(center.size()) == self.n_columns(),
                    "the center is as long as an input");
            self.set_center(view(center));
          },
          "center"_a.noconvert(), "The mean input; it counts from the next fit on.")
      .def(
          "fit",
          [](Hash& self, const ReadWeights& weights, Array1<const float> bias, int n_threads) {
            check_rows(self, weights, bias);
            return cost_of(n_threads, [&](Pool& pool) { return self.fit(view(weights), view(bias), pool); });
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "n_threads"_a = 1,
          "Learn what concerns the rows as a whole; returns what it cost, (1, n_fields).")
      .def(
          "hash_rows",
          [](const Hash& self, const ReadWeights& weights, Array1<const float> bias, int n_threads) {
            check_rows(self, weights, bias);
            const size_t n = static_cast<size_t>(view(weights).rows),
                         n_tables = static_cast<size_t>(self.n_tables());
            std::vector<uint32_t> codes(n * n_tables);
            std::vector<RowId> rows(n);
            std::iota(rows.begin(), rows.end(), 0);
            Pool pool(threads_of(n_threads));
            self.hash_rows(view(weights), view(bias), rows,
                           {codes.data(), static_cast<int64_t>(n), self.n_tables()}, pool);
            return to_numpy(std::move(codes), {n, n_tables});
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "n_threads"_a = 1,
          "The codes of all rows, (n_rows, n_tables).")
      .def(
          "hash_query",
          [](const Hash& self, Array1<const RowId> ids, Array1<const float> values) {
            require(ids.size() == values.size(), "one value per id is wanted");
            const std::vector<int64_t> list{0, static_cast<int64_t>(ids.size())};
            check_ascending(list, view(ids), self.n_columns());
            const int64_t n_tables = self.n_tables(), n_visited = self.n_visited();
            std::vector<uint32_t> codes(static_cast<size_t>(n_tables * n_visited));
            Ledger ledger;
            self.hash_query({view(ids), view(values)}, {codes.data(), n_tables, n_visited}, *self.scratch(),
                            ledger);
            return to_numpy(std::move(codes),
                            {static_cast<size_t>(n_tables), static_cast<size_t>(n_visited)});
          },
          "ids"_a.noconvert(), "values"_a.noconvert(),
          "The buckets that a query visits, (n_tables, n_visited), the likeliest first.");
  nb::class_<SimHash, Hash>(m, "SimHash", "Signed random projections; see core/hash/simhash.h.")
      .def(
          "__init__",
          [](SimHash* self, int64_t n_columns, int n_bits, int n_tables, uint64_t seed, int n_visited,
             const std::string& projection, const std::string& mips, int norm_powers, float largest_norm,
             bool center) {
            require(n_columns >= 1 && n_tables >= 1, "a column and a table at least are wanted");
            require(n_bits >= 1 && n_bits <= 24, "n_bits must be in 1 .. 24");
            require(n_visited >= 1 && n_visited <= 1 << n_bits, "n_visited must be in 1 .. 2 ** n_bits");
            require(norm_powers >= 1 && largest_norm > 0.0f && largest_norm < 1.0f,
                    "norm_powers must be at least 1, and largest_norm between 0 and 1");
            const auto kind =
                one_of<ProjectionKind>(projection, {{"gaussian", ProjectionKind::gaussian},
                                                    {"sparse", ProjectionKind::sparse},
                                                    {"hadamard", ProjectionKind::hadamard},
                                                    {"coordinates", ProjectionKind::coordinates}});
            const Mips transform = one_of<Mips>(
                mips, {{"none", Mips::none}, {"sign-alsh", Mips::sign_alsh}, {"simple", Mips::simple}});
            new (self) SimHash(n_columns,
                               {.n_bits = n_bits,
                                .n_tables = n_tables,
                                .n_visited = n_visited,
                                .projection = kind,
                                .mips = transform,
                                .norm_powers = norm_powers,
                                .largest_norm = largest_norm,
                                .center = center},
                               seed);
          },
          "n_columns"_a, "n_bits"_a, "n_tables"_a, "seed"_a, "n_visited"_a = 1, "projection"_a = "gaussian",
          "mips"_a = "none", "norm_powers"_a = 2, "largest_norm"_a = 0.75f, "center"_a = false)
      .def_prop_ro(
          "projections",
          [](const SimHash& self) {
            const Projection& projection = self.projection();
            std::vector<float> entries, outputs, spare;
            for (RowId i = 0; i < projection.n_inputs(); ++i) {
              const float one = 1.0f;
              projection.apply({{&i, 1}, {&one, 1}}, outputs, spare);
              entries.insert(entries.end(), outputs.begin(), outputs.end());
            }
            return to_numpy(std::move(entries), {static_cast<size_t>(projection.n_inputs()),
                                                 static_cast<size_t>(projection.n_outputs())});
          },
          nb::rv_policy::automatic, "(columns, and what the transform adds; n_tables * n_bits)")
      .def(
          "transform",
          [](const SimHash& self, Array1<const float> row, float bias) {
            require(static_cast<int64_t>(row.size()) == self.n_columns(), "a row has another width");
            std::vector<float> values;
            self.transform(view(row), bias, values);
            return to_numpy(std::move(values));
          },
          "row"_a.noconvert(), "bias"_a, "What of a row is projected.");
  nb::class_<Dwta, Hash>(m, "Dwta", "Densified winner take all; see core/hash/dwta.h.")
      .def(
          "__init__",
          [](Dwta* self, int64_t n_columns, int n_hashes, int n_tables, uint64_t seed) {
            require(n_columns >= 1 && n_tables >= 1, "a column and a table at least are wanted");
            require(n_hashes >= 1 && n_hashes <= Dwta::kMaxHashes, "n_hashes must be in 1 .. 8");
            new (self) Dwta(n_columns, n_hashes, n_tables, seed);
          },
          "n_columns"_a, "n_hashes"_a, "n_tables"_a, "seed"_a)
      .def_prop_ro(
          "places", [](const Dwta& self) { return to_numpy(self.places()); }, nb::rv_policy::automatic,
          "8 bin + place of a column in each permutation, or -1: (n_columns, n_permutations)");
  nb::class_<MinHash, Hash>(m, "MinHash", "Minwise hashing; see core/hash/minhash.h.")
      .def(
          "__init__",
          [](MinHash* self, int64_t n_columns, int n_hashes, int n_tables, int n_bits, uint64_t seed) {
            require(n_columns >= 1 && n_tables >= 1, "a column and a table at least are wanted");
            require(n_hashes >= 1 && n_hashes <= MinHash::kMaxHashes, "n_hashes must be in 1 .. 16");
            require(n_bits >= 1 && n_bits <= 24, "n_bits must be in 1 .. 24");
            new (self) MinHash(n_columns, n_hashes, n_tables, n_bits, seed);
          },
          "n_columns"_a, "n_hashes"_a, "n_tables"_a, "n_bits"_a, "seed"_a);
  nb::class_<Centroids, Hash>(m, "Centroids", "Cells of a k-means of the rows; see core/hash/centroid.h.")
      .def(
          "__init__",
          [](Centroids* self, int64_t n_columns, int64_t n_cells, uint64_t seed, int64_t n_visited,
             bool spherical, int64_t sample_per_cell, int n_iterations) {
            require(n_columns >= 1 && n_visited >= 1, "a column and a probe at least are wanted");
            require(n_cells >= 1 && n_cells <= 1 << 20, "n_cells must be in 1 .. 2 ** 20");
            require(sample_per_cell >= 1 && sample_per_cell <= 1 << 20 && n_iterations >= 0 &&
                        n_iterations <= 1 << 20,
                    "sample_per_cell must be in 1 .. 2 ** 20, n_iterations in 0 .. 2 ** 20");
            new (self) Centroids(n_columns,
                                 {.n_cells = n_cells,
                                  .n_visited = n_visited,
                                  .spherical = spherical,
                                  .sample_per_cell = sample_per_cell,
                                  .n_iterations = n_iterations},
                                 seed);
          },
          "n_columns"_a, "n_cells"_a, "seed"_a, "n_visited"_a = 1, "spherical"_a = true,
          "sample_per_cell"_a = CentroidOptions{}.sample_per_cell,
          "n_iterations"_a = CentroidOptions{}.n_iterations)
      .def_prop_ro(
          "centroids", [](const Centroids& self) { return to_numpy(self.centroids()); },
          nb::rv_policy::automatic, "(cells in use, columns and the bias), as of the last fit.");
  nb::class_<TableIndex, Index>(m, "TableIndex", "Hash tables over the rows; see core/hash/tables.h.")
      .def(
          "__init__",
          [](TableIndex* self, std::shared_ptr<Hash> hash, int64_t n_rows, const std::string& rank,
             uint64_t seed, float alpha, int64_t n_ranked) {
            require(n_ranked >= 0 && n_ranked <= 1 << 20, "n_ranked must be in 0 .. 2 ** 20");
            const TableOptions options{.rank = one_of<Rank>(rank, {{"count", Rank::count},
                                                                   {"union", Rank::union_},
                                                                   {"hamming", Rank::hamming},
                                                                   {"sign", Rank::sign}}),
                                       .alpha = alpha,
                                       .n_ranked = n_ranked,
                                       .seed = seed};
            require(options.rank != Rank::hamming || hash->bits_per_code() > 0,
                    "the codes of this family have no Hamming distance");
            new (self) TableIndex(std::move(hash), n_rows, options);
          },
          "hash"_a, "n_rows"_a, "rank"_a, "seed"_a, "alpha"_a = 0.1f, "n_ranked"_a = 0)
      .def(
          "set_center",
          [](TableIndex& self, Array1<const float> center) {
            require(self.fits(self.rows().cols, static_cast<int64_t>(center.size())),
                    "the center is as long as an input");
            self.set_center(view(center));
          },
          "center"_a.noconvert(), "The mean input; it counts from the next refresh on.")
      .def(
          "set_draws",
          [](TableIndex& self, Array1<const uint32_t> draws) {
            require(static_cast<int>(draws.size()) == self.hash().n_tables(),
                    "a number for each table is wanted");
            self.set_draws(view(draws));
          },
          "draws"_a.noconvert(),
          "How often each table's hash functions have been drawn anew; a refresh must follow.")
      .def(
          "restore",
          [](TableIndex& self, const ReadWeights& weights, Array2<const float> learned,
             Array2<const uint32_t> codes, int n_threads) {
            require(self.fits(view(weights).rows, view(weights).cols),
                    "the index was made for a layer of another shape");
            require(view(learned).rows <= self.hash().n_buckets() &&
                        view(learned).cols == self.hash().learned().cols,
                    "what was learned has another shape");
            require(view(codes).rows == self.codes().rows && view(codes).cols == self.codes().cols,
                    "the codes have another shape");
            const int64_t n_codes = view(learned).cols > 0 ? view(learned).rows : self.hash().n_buckets();
            for (int64_t row = 0; row < view(codes).rows; ++row)
              for (const uint32_t code : view(codes).row(row))
                require(code < n_codes, "a code is out of range");
            return cost_of(n_threads, [&](Pool& pool) {
              return self.restore(view(weights), view(learned), view(codes), pool);
            });
          },
          "weights"_a.noconvert(), "learned"_a.noconvert(), "codes"_a.noconvert(), "n_threads"_a = 1,
          "Take over what an index of the same make had learned, and its codes; returns what it cost.")
      .def_prop_ro(
          "learned", [](const TableIndex& self) { return to_numpy(self.hash().learned()); },
          nb::rv_policy::automatic, "What only the rows of the last refresh could tell again: centroids.")
      .def(
          "refresh_rows",
          [](TableIndex& self, const ReadWeights& weights, Array1<const float> bias, Array1<const RowId> rows,
             int n_threads) {
            check_some_rows(self, weights, bias, rows);
            return cost_of(n_threads, [&](Pool& pool) {
              return self.refresh_rows(view(weights), view(bias), view(rows), pool);
            });
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "rows"_a.noconvert(), "n_threads"_a = 1,
          "Compute the codes of some rows afresh; returns what it cost, (1, n_fields).")
      .def(
          "begin_refit",
          [](TableIndex& self, const ReadWeights& weights, Array1<const float> bias, int n_threads) {
            check_layer(self, weights, bias);
            return cost_of(n_threads,
                           [&](Pool& pool) { return self.begin_refit(view(weights), view(bias), pool); });
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "n_threads"_a = 1,
          "Begin a refresh in pieces: learn anew what concerns all rows; returns what it cost.")
      .def(
          "refit_rows",
          [](TableIndex& self, const ReadWeights& weights, Array1<const float> bias, Array1<const RowId> rows,
             int n_threads) {
            check_some_rows(self, weights, bias, rows);
            require(self.is_refitting(), "no refit has begun");
            return cost_of(n_threads, [&](Pool& pool) {
              return self.refit_rows(view(weights), view(bias), view(rows), pool);
            });
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "rows"_a.noconvert(), "n_threads"_a = 1,
          "Compute the new codes of some rows; returns what it cost.")
      .def(
          "end_refit",
          [](TableIndex& self, const ReadWeights& weights, int n_threads) {
            require(self.fits(view(weights).rows, view(weights).cols),
                    "the index was made for a layer of another shape");
            require(self.is_refitting(), "no refit has begun");
            return cost_of(n_threads, [&](Pool& pool) { return self.end_refit(view(weights), pool); });
          },
          "weights"_a.noconvert(), "n_threads"_a = 1,
          "Let the new codes, by now those of all rows, take over; returns what it cost.")
      .def(
          "drift",
          [](const TableIndex& self, const ReadWeights& weights, Array1<const float> bias,
             Array1<const RowId> rows, int n_threads) -> DriftResult {
            check_some_rows(self, weights, bias, rows);
            double drift = 0.0;
            const auto cost = cost_of(n_threads, [&](Pool& pool) {
              Ledger ledger;
              drift = self.drift(view(weights), view(bias), view(rows), pool, ledger);
              return ledger;
            });
            return nb::make_tuple(drift, cost);
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "rows"_a.noconvert(), "n_threads"_a = 1,
          "The share of bits (or codes) in which the codes of some rows are stale: (share, cost).")
      .def_prop_ro(
          "sign_bits", [](const TableIndex& self) { return to_numpy(self.sign_bits()); },
          nb::rv_policy::automatic, "Of rank sign: bit j % 64 of word j / 64 of a row says w_j > 0.")
      .def_prop_ro(
          "codes", [](const TableIndex& self) { return to_numpy(self.codes()); }, nb::rv_policy::automatic)
      .def_prop_ro(
          "offsets", [](const TableIndex& self) { return to_numpy(self.offsets()); },
          nb::rv_policy::automatic)
      .def_prop_ro(
          "rows", [](const TableIndex& self) { return to_numpy(self.rows()); }, nb::rv_policy::automatic);
}

void require_active(int64_t active) { require(active >= 1, "active must be at least 1 row"); }

// Ascending.
std::vector<RowId> distinct_rows(std::span<const RowId> rows, int64_t n_rows) {
  std::vector<RowId> sorted(rows.begin(), rows.end());
  std::sort(sorted.begin(), sorted.end());
  require(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(), "a row is there twice");
  require(sorted.empty() || (sorted.front() >= 0 && sorted.back() < n_rows), "a row is out of range");
  return sorted;
}

void bind_gates(nb::module_& m) {
  nb::class_<Gate>(m, "Gate");
  nb::class_<Dropout, Gate>(m, "Dropout")
      .def(
          "__init__",
          [](Dropout* self, int64_t active, uint64_t seed) {
            require_active(active);
            new (self) Dropout(active, seed);
          },
          "active"_a, "seed"_a);
  nb::class_<AdaptiveDropout, Gate>(m, "AdaptiveDropout")
      .def(nb::init<float, float, uint64_t>(), "alpha"_a, "beta"_a, "seed"_a);
  nb::class_<TopK, Gate>(m, "TopK").def(
      "__init__",
      [](TopK* self, int64_t active, bool soft, bool differentiate, uint64_t seed) {
        require_active(active);
        new (self) TopK(Keep{.active = active, .soft = soft, .differentiate = differentiate, .seed = seed});
      },
      "active"_a, "soft"_a, "differentiate"_a, "seed"_a);
  nb::class_<Hashed, Gate>(m, "Hashed")
      .def(
          "__init__",
          [](Hashed* self, std::shared_ptr<Index> index, int64_t active, int64_t candidates, bool soft,
             bool differentiate, uint64_t seed, int64_t explored) {
            require_active(active);
            require(candidates >= active, "candidates must be at least the active rows");
            require(explored >= 0 && explored <= active, "explored must be in 0 .. active");
            new (self) Hashed(std::move(index), candidates,
                              Keep{.active = active,
                                   .soft = soft,
                                   .differentiate = differentiate,
                                   .explored = explored,
                                   .seed = seed});
          },
          "index"_a, "active"_a, "candidates"_a, "soft"_a, "differentiate"_a, "seed"_a, "explored"_a = 0)
      .def(
          "set_rare",
          [](Hashed& self, Array1<const RowId> rows, int64_t n_rows) {
            self.set_rare(distinct_rows(view(rows), n_rows));
          },
          "rows"_a.noconvert(), "n_rows"_a, "The rows, of n_rows, that training explores.");
  nb::class_<Retrieve, Gate>(m, "Retrieve")
      .def(
          "__init__",
          [](Retrieve* self, std::shared_ptr<Index> index, int64_t active, int64_t n_negatives, uint64_t seed,
             float thin) {
            require_active(active);
            require(n_negatives >= 0, "n_negatives must be at least 0");
            require(thin >= 0.0f && thin <= 1.0f, "thin must be in 0 .. 1");
            new (self) Retrieve(std::move(index), active, n_negatives, seed, thin);
          },
          "index"_a, "active"_a, "n_negatives"_a, "seed"_a, "thin"_a = 0.0f)
      .def(
          "set_head",
          [](Retrieve& self, Array1<const RowId> rows, int64_t n_rows) {
            self.set_head(distinct_rows(view(rows), n_rows));
          },
          "rows"_a.noconvert(), "n_rows"_a, "The rows, of n_rows, that are candidates of every example.");
}

using TextResult = nb::typed<nb::tuple, Numpy<int64_t>, Numpy<int32_t>, Numpy<float>, Numpy<int64_t>,
                             Numpy<int32_t>, Numpy<double>, int64_t, int64_t, bool>;

void bind_text(nb::module_& m) {
  m.def(
      "parse_text",
      [](Array1<const uint8_t> text, bool header, bool labels, int n_threads) -> TextResult {
        require(n_threads >= 1, "n_threads must be at least 1");
        TextRows rows;
        {
          nb::gil_scoped_release unlocked;
          Pool pool(n_threads);
          rows =
              parse_text({reinterpret_cast<const char*>(text.data()), text.size()}, {header, labels}, pool);
        }
        return nb::make_tuple(to_numpy(std::move(rows.indptr)), to_numpy(std::move(rows.indices)),
                              to_numpy(std::move(rows.values)), to_numpy(std::move(rows.label_indptr)),
                              to_numpy(std::move(rows.labels)), to_numpy(std::move(rows.targets)),
                              rows.n_features, rows.n_labels, rows.has_feature_0);
      },
      "text"_a.noconvert(), "header"_a, "labels"_a, "n_threads"_a,
      "Sparse rows of svmlight or Extreme Classification text: (indptr, indices, values, label_indptr, "
      "labels, targets, n_features, n_labels, has_feature_0).");
}

void bind_network(nb::module_& m) {
  nb::class_<Layer>(m, "Linear")
      .def(
          "__init__",
          [](Layer* self, const WeightsArray<float, uint16_t>& weights, Array1<float> bias,
             const std::string& activation, std::shared_ptr<Gate> gate, bool trains_bias, uint64_t seed) {
            require(view(weights).rows == static_cast<int64_t>(bias.size()) && bias.size() > 0,
                    "one bias per row of weights is wanted");
            require(!gate || !gate->index() || gate->index()->fits(view(weights).rows, view(weights).cols),
                    "the gate's index was made for a layer of another shape");
            new (self) Layer{.weights = view(weights),
                             .bias = view(bias),
                             .activation = activation_of(activation),
                             .gate = std::move(gate),
                             .trains_bias = trains_bias,
                             .seed = seed};
          },
          "weights"_a.noconvert(), "bias"_a.noconvert(), "activation"_a, "gate"_a.none() = nb::none(),
          "trains_bias"_a = true, "seed"_a = 0, nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>());
  m.def(
      "EmbeddingBag",
      [](const WeightsArray<float, uint16_t>& weights, Array1<float> bias, const std::string& activation,
         bool trains_bias, float input_dropout, float dropout, uint64_t seed) {
        require(view(weights).cols == static_cast<int64_t>(bias.size()) && bias.size() > 0,
                "one bias per column of weights is wanted");
        require(view(weights).rows > 0, "a bag needs an input");
        for (const float share : {input_dropout, dropout})
          require(share >= 0.0f && share < 1.0f, "dropout must be at least 0 and below 1");
        return Layer{.weights = view(weights),
                     .bias = view(bias),
                     .activation = activation_of(activation),
                     .gate = nullptr,
                     .trains_bias = trains_bias,
                     .is_bag = true,
                     .input_dropout = input_dropout,
                     .dropout = dropout,
                     .seed = seed};
      },
      "weights"_a.noconvert(), "bias"_a.noconvert(), "activation"_a, "trains_bias"_a = true,
      "input_dropout"_a = 0.0f, "dropout"_a = 0.0f, "seed"_a = 0, nb::keep_alive<0, 1>(),
      nb::keep_alive<0, 2>(), "A first layer with a row of weights per input; see core/bag.h.");
  nb::class_<Model>(m, "Model")
      .def(
          "__init__",
          [](Model* self, const std::vector<Layer>& layers, const std::string& loss) {
            require(!layers.empty(), "a model needs a layer");
            for (size_t l = 1; l < layers.size(); ++l)
              require(!layers[l].is_bag, "only the first layer can be a bag");
            for (size_t l = 1; l < layers.size(); ++l)
              require(layers[l].n_columns() == layers[l - 1].n_rows(),
                      "a layer's columns are not the rows below it");
            new (self) Model{layers, loss_of(loss)};
          },
          "layers"_a, "loss"_a, nb::keep_alive<1, 2>());
  nb::class_<Optimizer>(m, "Optimizer")
      .def(
          "__init__",
          [](Optimizer* self, const std::string& kind, float momentum, float beta1, float beta2, float rho,
             float eps, float l2, int64_t l2_period, bool rowwise) {
            new (self)
                Optimizer(make_optimizer(kind, momentum, beta1, beta2, rho, eps, l2, l2_period, rowwise));
          },
          "kind"_a, "momentum"_a = 0.0f, "beta1"_a = 0.9f, "beta2"_a = 0.999f, "rho"_a = 0.999f,
          "eps"_a = 1e-8f, "l2"_a = 0.0f, "l2_period"_a = 1, "rowwise"_a = false)
      .def("moment_widths", &Optimizer::moment_widths, "n_columns"_a,
           "Columns of each moment of a layer's weights.");
  nb::class_<OptimizerState>(m, "OptimizerState")
      .def(
          "__init__",
          [](OptimizerState* self, const Moments& moments, Array1<int64_t> touched) {
            new (self) OptimizerState(make_state(moments, touched));
          },
          "moments"_a.noconvert(), "touched"_a.noconvert(), nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>());
  m.def("train", &bind_train, "model"_a, "inputs"_a, "targets"_a, "order"_a.noconvert(),
        "rates"_a.noconvert(), "batch_size"_a, "optimizer"_a, "states"_a, "first_step"_a, "epoch"_a,
        "n_threads"_a, "deterministic"_a, "counts_rows"_a = true, "loss_before"_a = 0.0,
        "Train on one slice of an epoch: (loss sum with those before, hits, ledger (n_layers, n_fields), for "
        "each layer how often each row was chosen, but of a sampled last layer without counts_rows their "
        "sum).");
  m.def(
      "evaluate", &bind_evaluate, "model"_a, "inputs"_a, "targets"_a.none(), "ids"_a.noconvert(), "k"_a,
      "exact"_a, "n_threads"_a, "counts_rows"_a = true,
      "The k best rows of each example: (rows, scores, losses, ledger, for each layer how often each row was "
      "chosen, but of a last layer that retrieves without counts_rows their sum).");
  m.def("mean_inputs", &bind_mean_inputs, "model"_a, "inputs"_a, "ids"_a.noconvert(), "n_threads"_a,
        "The mean input of each layer, through the gates, and what that cost, as upkeep of the indexes: "
        "(means, ledger).");
  m.def("choices", &bind_choices, "model"_a, "position"_a, "inputs"_a, "ids"_a.noconvert(), "n_threads"_a,
        "What the gate of a layer chooses, and the best of all rows, (n, k) each, the highest score first; "
        "-1 where there are fewer.");
  m.def("candidate_scores", &bind_candidate_scores, "model"_a, "inputs"_a, "ids"_a.noconvert(), "rows"_a,
        "n_threads"_a, "(Raw scores of the output rows listed for each example, list after list, ledger).");
  m.def("latencies", &bind_latencies, "model"_a, "inputs"_a, "ids"_a.noconvert(), "k"_a, "exact"_a,
        "Seconds that each example takes alone, in one thread, to its k best rows.");
  m.def("scores", &bind_scores, "model"_a, "inputs"_a, "ids"_a.noconvert(), "exact"_a, "n_threads"_a,
        "Raw scores of every output row; -inf where a row was not computed.");
}

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "The C++ core of fewfire: selection, hashing, sparse training and their kernels.";
  simd_level();  // an unknown FEWFIRE_SIMD is an import error
  m.def("simd_levels", &simd_levels, "SIMD levels that this CPU can run, lowest first.");
  m.def("simd_level", &simd_level, "The SIMD level in use.");
  m.def("set_simd_level", &set_simd_level, "name"_a, "Use another SIMD level from now on.");
  nb::list fields;
  for (const char* field : Ledger::kFields) fields.append(field);
  m.attr("LEDGER_FIELDS") = nb::tuple(fields);
  m.attr("COMMIT") = commit();
  bind_data(m);
  bind_indexes(m);
  bind_gates(m);
  bind_network(m);
  bind_text(m);
  bind_trees(m);
  bind_packed(m);
  bind_tagger(m);
  bind_kernels(m);
}
