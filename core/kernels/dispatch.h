// The SIMD level in use: picked at import by a CPU check, or by the environment variable FEWFIRE_SIMD.
#pragma once

#include <string>
#include <vector>

namespace fewfire {

struct Kernels;

std::vector<std::string> simd_levels();  // what this CPU can run: plain loops, then the lowest first
std::string simd_level();
void set_simd_level(const std::string& name);  // throws std::invalid_argument for a level this CPU lacks
const Kernels& kernels();
const Kernels& kernels(const std::string& level);  // of one level, whichever is in use; throws as above

}  // namespace fewfire
