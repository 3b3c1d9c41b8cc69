// What the library was built from.
#pragma once

namespace fewfire {

// The commit, with a + when files of the checkout differed from it; "unknown" outside a checkout.
const char* commit();

}  // namespace fewfire
