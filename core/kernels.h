// The hot loops, as a table of functions that exists once per SIMD level.
#pragma once

namespace fewfire {

struct Kernels {
  int lanes;
};

}  // namespace fewfire
