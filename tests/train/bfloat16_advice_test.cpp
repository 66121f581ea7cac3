// SPDX-License-Identifier: Apache-2.0
// Whether bfloat16 pays is measured, not read from the processor's list of instructions.
#include <catch2/catch.hpp>

#include "lib/measure/gemm_rate.h"

namespace sy {
namespace {

TEST_CASE("bfloat16_advice: only where float32 is faster", "[bfloat16_advice]") {
  CHECK(bfloat16_advice(2e11, 1e11).empty());
  CHECK(bfloat16_advice(1e11, 1e11).empty());
  const std::string advice = bfloat16_advice(45e9, 90e9);
  for (const char* word : {"precision: bfloat16", "0.50 times", "45.0 and 90.0 GFLOP/s",
                           "precision: float32 would be faster"}) {
    CHECK_THAT(advice, Catch::Contains(word));
  }
}

}  // namespace
}  // namespace sy
