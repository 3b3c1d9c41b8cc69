// Compiled once per SIMD level, each time in a namespace of its own.
#include "kernels.h"

namespace fewfire::FEWFIRE_LEVEL {

extern const Kernels table;
const Kernels table = {16};

}  // namespace fewfire::FEWFIRE_LEVEL
