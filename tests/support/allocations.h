// SPDX-License-Identifier: Apache-2.0
// Counts what the whole program, including libraries, allocates through operator new. Under
// AddressSanitizer nothing is counted.
#pragma once

#include <cstdint>

namespace sy::test {

struct Allocations {
  int64_t count = 0;
  int64_t bytes = 0;
};

// The totals since the program started.
Allocations allocations();

}  // namespace sy::test
