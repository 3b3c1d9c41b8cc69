// The memory that the allocator holds though nobody uses it.
#pragma once

namespace fewfire {

// Gives it back to the system where the allocator can (glibc): after work whose arrays were many, more work
// would otherwise take its memory beside theirs.
void trim_heap();

}  // namespace fewfire
