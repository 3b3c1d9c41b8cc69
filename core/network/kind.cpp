#include "network/kind.h"

#include <algorithm>
#include <iterator>

namespace fewfire {

extern const LayerKind kBag, kRetrieval, kGated, kDense;

namespace {

constexpr const LayerKind* kKinds[] = {&kBag, &kRetrieval, &kGated, &kDense};  // the first that fits

}  // namespace

const LayerKind& kind_of(const Model& model, size_t l, Mode mode) {
  return **std::ranges::find_if(kKinds, [&](const LayerKind* kind) { return kind->fits(model, l, mode); });
}

}  // namespace fewfire
