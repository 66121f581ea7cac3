// Counts what the whole program, libraries included, takes through operator new; nothing is
// counted under AddressSanitizer.
#pragma once

#include <cstdint>

namespace sy::test {

struct Allocations {
  int64_t count = 0;
  int64_t bytes = 0;
};

// Since the program began.
Allocations allocations();

}  // namespace sy::test
