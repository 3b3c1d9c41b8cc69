#include "kernels/dispatch.h"

#include <cstdlib>
#include <stdexcept>

#include "kernels/kernels.h"

namespace fewfire {

#define FEWFIRE_DECLARE(level) \
  namespace level {            \
  extern const Kernels table;  \
  }
FEWFIRE_DECLARE(plain);
#if defined(FEWFIRE_HAS_v2)
FEWFIRE_DECLARE(v2);
FEWFIRE_DECLARE(v3);
FEWFIRE_DECLARE(v4);
#elif defined(FEWFIRE_HAS_neon)
FEWFIRE_DECLARE(neon);
#else
FEWFIRE_DECLARE(base);
#endif

namespace {

struct Level {
  const char* name;
  const Kernels* table;
  bool available;
};

const std::vector<Level>& levels() {
#if defined(FEWFIRE_HAS_v2)
  __builtin_cpu_init();
#endif
  static const std::vector<Level> all = {
      {"plain", &plain::table, true},  // the lowest, so that it is never picked without being asked for
#if defined(FEWFIRE_HAS_v2)
      {"v2", &v2::table, true},
      {"v3", &v3::table,
       __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")},
      {"v4", &v4::table,
       __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd")},
#elif defined(FEWFIRE_HAS_neon)
      {"neon", &neon::table, true},
#else
      {"base", &base::table, true},
#endif
  };
  return all;
}

const Level& find(const std::string& name) {
  std::string known;
  for (const Level& level : levels()) {
    if (!level.available) continue;
    if (level.name == name) return level;
    known += (known.empty() ? "" : ", ") + std::string(level.name);
  }
  throw std::invalid_argument("SIMD level '" + name +
                              "' is not available on this CPU; set FEWFIRE_SIMD to one of: " + known);
}

const Level*& current() {
  static const Level* level = [] {
    const char* forced = std::getenv("FEWFIRE_SIMD");
    return &find(forced != nullptr && *forced != '\0' ? forced : simd_levels().back());
  }();
  return level;
}

}  // namespace

std::vector<std::string> simd_levels() {
  std::vector<std::string> names;
  for (const Level& level : levels())
    if (level.available) names.emplace_back(level.name);
  return names;
}

std::string simd_level() { return current()->name; }

void set_simd_level(const std::string& name) { current() = &find(name); }

const Kernels& kernels() { return *current()->table; }

const Kernels& kernels(const std::string& level) { return *find(level).table; }

}  // namespace fewfire
