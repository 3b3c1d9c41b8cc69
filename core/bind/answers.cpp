// What a trained net answers, and what is seen of it from outside.
#include "bind/convert.h"
#include "network/observe.h"
#include "network/predict.h"

namespace fewfire {
namespace {

using Ids = Array1<const int64_t>;
using Predicted = nb::typed<nb::tuple, Numpy<int32_t>, Numpy<float>, Numpy<double>, Numpy<int64_t>,
                            std::vector<Numpy<int64_t>>>;
using Scored = nb::typed<nb::tuple, Numpy<float>, Numpy<int64_t>>;
using MeanResult = nb::typed<nb::tuple, std::vector<Numpy<float>>, Numpy<int64_t>>;
using ChoiceResult = nb::typed<nb::tuple, Numpy<RowId>, Numpy<RowId>>;

Mode mode_of(bool exact) { return exact ? Mode::exact : Mode::gated; }

Predicted predict(const Model& model, const Inputs& inputs, const Targets* targets, Ids ids, int64_t k,
                  bool exact, int n_threads, bool counts_rows) {
  Answers found = unlocked([&] {
    return predict_topk(model, inputs, targets != nullptr ? *targets : Targets{}, view(ids), k,
                        mode_of(exact), n_threads, counts_rows);
  });
  const size_t n = ids.size(), width = static_cast<size_t>(k);
  return nb::make_tuple(to_numpy(std::move(found.rows), {n, width}),
                        to_numpy(std::move(found.scores), {n, width}), to_numpy(std::move(found.losses)),
                        ledger_of(found.totals.ledgers), to_numpy(std::move(found.totals.usage)));
}

Numpy<float> scores(const Model& model, const Inputs& inputs, Ids ids, bool exact, int n_threads) {
  std::vector<float> found =
      unlocked([&] { return predict_all(model, inputs, view(ids), mode_of(exact), n_threads); });
  return to_numpy(std::move(found), {ids.size(), static_cast<size_t>(model.layers.back().n_rows())});
}

Scored candidate_scores(const Model& model, const Inputs& inputs, Ids ids, Array1<const int64_t> indptr,
                        Array1<const RowId> rows, int n_threads) {
  RowScores found =
      unlocked([&] { return score_rows(model, inputs, view(ids), {view(indptr), view(rows)}, n_threads); });
  return nb::make_tuple(to_numpy(std::move(found.scores)), ledger_of(found.totals.ledgers));
}

Numpy<double> seconds(const Model& model, const Inputs& inputs, Ids ids, int64_t k, bool exact) {
  return to_numpy(unlocked([&] { return latencies(model, inputs, view(ids), mode_of(exact), k); }));
}

MeanResult means(const Model& model, const Inputs& inputs, Ids ids, int n_threads) {
  Means found = unlocked([&] { return mean_inputs(model, inputs, view(ids), n_threads); });
  return nb::make_tuple(to_numpy(std::move(found.values)), ledger_of(found.ledgers));
}

ChoiceResult chosen(const Model& model, int64_t position, const Inputs& inputs, Ids ids, int n_threads) {
  Choices found =
      unlocked([&] { return choices(model, static_cast<size_t>(position), inputs, view(ids), n_threads); });
  const size_t n = ids.size(), width = static_cast<size_t>(found.width);
  return nb::make_tuple(to_numpy(std::move(found.chosen), {n, width}),
                        to_numpy(std::move(found.best), {n, width}));
}

}  // namespace

void bind_answers(nb::module_& m) {
  m.def("predict", &predict, "model"_a, "inputs"_a, "targets"_a.none(), "ids"_a.noconvert(), "k"_a, "exact"_a,
        "n_threads"_a, "counts_rows"_a = true,
        "The k best rows of each example: (rows, scores, losses, ledger, for each layer how often each row "
        "was chosen, but of a last layer that retrieves without counts_rows their sum).");
  m.def("scores", &scores, "model"_a, "inputs"_a, "ids"_a.noconvert(), "exact"_a, "n_threads"_a,
        "Raw scores of every output row; -inf where a row was not computed.");
  m.def("candidate_scores", &candidate_scores, "model"_a, "inputs"_a, "ids"_a.noconvert(),
        "indptr"_a.noconvert(), "rows"_a.noconvert(), "n_threads"_a,
        "(Raw scores of the output rows listed for each example, list after list, ledger).");
  m.def("latencies", &seconds, "model"_a, "inputs"_a, "ids"_a.noconvert(), "k"_a, "exact"_a,
        "Seconds that each example takes alone, in one thread, to its k best rows.");
  m.def("mean_inputs", &means, "model"_a, "inputs"_a, "ids"_a.noconvert(), "n_threads"_a,
        "The mean input of each layer, through the gates, and what that cost, as upkeep of the indexes: "
        "(means, ledger).");
  m.def("choices", &chosen, "model"_a, "position"_a, "inputs"_a, "ids"_a.noconvert(), "n_threads"_a,
        "What the gate of a layer chooses, and the best of all rows, (n, k) each, the highest score first; "
        "-1 where there are fewer.");
}

}  // namespace fewfire
