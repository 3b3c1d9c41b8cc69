// Data files of text, and terms of texts.
#include "text/text.h"

#include "bind/convert.h"
#include "text/count.h"

namespace fewfire {
namespace {

using TextResult = nb::typed<nb::tuple, Numpy<int64_t>, Numpy<int32_t>, Numpy<float>, Numpy<int64_t>,
                             Numpy<int32_t>, Numpy<double>, int64_t, int64_t, bool>;

TextResult read(Array1<const uint8_t> text, bool header, bool labels, int n_threads) {
  TextRows rows = unlocked(n_threads, [&](Pool& pool) {
    return parse_text({reinterpret_cast<const char*>(text.data()), text.size()}, {header, labels}, pool);
  });
  return nb::make_tuple(to_numpy(std::move(rows.indptr)), to_numpy(std::move(rows.indices)),
                        to_numpy(std::move(rows.values)), to_numpy(std::move(rows.label_indptr)),
                        to_numpy(std::move(rows.labels)), to_numpy(std::move(rows.targets)), rows.n_features,
                        rows.n_labels, rows.has_feature_0);
}

using CountsResult = nb::typed<nb::tuple, Numpy<int64_t>, Numpy<int32_t>, Numpy<float>>;
using LearnedResult = nb::typed<nb::tuple, Numpy<uint8_t>, Numpy<int64_t>, Numpy<int64_t>, CountsResult>;

CountsResult csr_of(Counts counts) {
  return nb::make_tuple(to_numpy(std::move(counts.indptr)), to_numpy(std::move(counts.indices)),
                        to_numpy(std::move(counts.values)));
}

void bind_terms(nb::module_& m) {
  using Bytes = Array1<const uint8_t>;
  using Begins = Array1<const int64_t>;
  nb::class_<Terms>(m, "Terms", "Terms and their numbers; see core/text/terms.h.")
      .def(
          "__init__",
          [](Terms* self, Bytes bytes, Begins begins) { new (self) Terms({view(bytes), view(begins)}); },
          "bytes"_a.noconvert(), "begins"_a.noconvert());
  nb::class_<Analysis>(m, "Analysis", "What counts in a text; see core/text/analysis.h.")
      .def(
          "__init__",
          [](Analysis* self, const std::string& unit, int64_t low, int64_t high, int64_t least,
             const Terms& stop) {
            new (self) Analysis(checked(Analysis{unit_of(unit), low, high, least, stop}));
          },
          "unit"_a, "low"_a, "high"_a, "least"_a, "stop"_a);
  nb::class_<Texts>(m, "Texts", "Texts in lower case, and what their characters are; see core/text/count.h.")
      .def(
          "__init__",
          [](Texts* self, Bytes bytes, Begins begins, Bytes kinds) {
            new (self) Texts{checked(Strings{view(bytes), view(begins)}), {view(kinds)}};
          },
          "bytes"_a.noconvert(), "begins"_a.noconvert(), "kinds"_a.noconvert(), nb::keep_alive<1, 2>(),
          nb::keep_alive<1, 3>(), nb::keep_alive<1, 4>());
  m.def(
      "learn_terms",
      [](const Texts& texts, const Analysis& analysis, int64_t least, int n_threads) -> LearnedResult {
        Learned found =
            unlocked(n_threads, [&](Pool& pool) { return learn_terms(texts, analysis, least, pool); });
        return nb::make_tuple(to_numpy(std::move(found.bytes)), to_numpy(std::move(found.begins)),
                              to_numpy(std::move(found.n_texts)), csr_of(std::move(found.counts)));
      },
      "texts"_a, "analysis"_a, "least"_a, "n_threads"_a,
      "The terms that `least` texts have: (bytes, begins, how many texts have each, counts as CSR).");
  m.def(
      "count_terms",
      [](const Texts& texts, const Analysis& analysis, const Terms& terms, int n_threads) {
        return csr_of(
            unlocked(n_threads, [&](Pool& pool) { return count_terms(texts, analysis, terms, pool); }));
      },
      "texts"_a, "analysis"_a, "terms"_a, "n_threads"_a, "How often texts have each term, as CSR.");
  m.def(
      "hash_terms",
      [](const Texts& texts, const Analysis& analysis, int64_t n_features, int n_threads) {
        return csr_of(
            unlocked(n_threads, [&](Pool& pool) { return hash_terms(texts, analysis, n_features, pool); }));
      },
      "texts"_a, "analysis"_a, "n_features"_a, "n_threads"_a,
      "How often texts have terms of each hash, as CSR.");
  m.def(
      "weigh_terms",
      [](Begins indptr, Array1<const RowId> indices, Array1<float> values, Array1<const float> weights,
         bool sublinear, int n_threads) {
        unlocked(n_threads, [&](Pool& pool) {
          weigh_terms({view(indptr), view(indices)}, {view(weights), sublinear}, view(values), pool);
        });
      },
      "indptr"_a.noconvert(), "indices"_a.noconvert(), "values"_a.noconvert(), "weights"_a.noconvert(),
      "sublinear"_a, "n_threads"_a, "Weigh counts, in place, and bring each text to unit length.");
}

}  // namespace

void bind_text(nb::module_& m) {
  m.def("parse_text", &read, "text"_a.noconvert(), "header"_a, "labels"_a, "n_threads"_a,
        "Sparse rows of svmlight or Extreme Classification text: (indptr, indices, values, label_indptr, "
        "labels, targets, n_features, n_labels, has_feature_0).");
  bind_terms(m);
}

}  // namespace fewfire
