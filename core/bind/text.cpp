// Data files of text.
#include "text/text.h"

#include "bind/convert.h"

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

}  // namespace

void bind_text(nb::module_& m) {
  m.def("parse_text", &read, "text"_a.noconvert(), "header"_a, "labels"_a, "n_threads"_a,
        "Sparse rows of svmlight or Extreme Classification text: (indptr, indices, values, label_indptr, "
        "labels, targets, n_features, n_labels, has_feature_0).");
}

}  // namespace fewfire
