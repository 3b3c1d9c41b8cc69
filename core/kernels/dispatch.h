// The SIMD level in use: picked at import by a CPU check, or by the environment variable FEWFIRE_SIMD.
#pragma once

#include <string>
#include <vector>

namespace fewfire {

struct Kernels;

std::vector<std::string> simd_levels();  // what this CPU can run, lowest first
std::string simd_level();
void set_simd_level(const std::string& name);  // throws std::invalid_argument for a level this CPU lacks
const Kernels& kernels();

}  // namespace fewfire
