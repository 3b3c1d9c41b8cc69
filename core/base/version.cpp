#include "base/version.h"

namespace fewfire {

const char* commit() { return FEWFIRE_COMMIT; }

}  // namespace fewfire
