// SPDX-License-Identifier: Apache-2.0
// What a step allocates after the first is what the interface of oneDNN allocates by itself.
#pragma once

#include "lib/measure/gemm_rate.h"
#include "tests/support/allocations.h"

namespace sy::test {

// Heap allocations of the oneDNN interface itself for these GEMMs.
inline int64_t allocations_of(const GemmCounts& products) {
  GemmRate rate(products, Backend::cpu, 1);
  const int64_t before = allocations().count;
  rate.measure();
  return allocations().count - before;
}

}  // namespace sy::test
