// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/datasheet.h"

#include <catch2/catch.hpp>

namespace sy {
namespace {

TEST_CASE("datasheet: the rate by name and dtype, and nothing where it is not known",
          "[datasheet]") {
  CHECK(datasheet_rate("NVIDIA H200", DType::bf16) == 989.5e12);
  CHECK(datasheet_rate("NVIDIA H200 NVL", DType::bf16) == 835.5e12);
  CHECK(datasheet_rate("NVIDIA H100 80GB HBM3", DType::f32) == 67e12);
  CHECK(datasheet_rate("NVIDIA H100 PCIe", DType::bf16) == 756.5e12);
  CHECK(datasheet_rate("NVIDIA A100-SXM4-80GB", DType::bf16) == 312e12);
  CHECK(datasheet_rate("NVIDIA A100 80GB PCIe", DType::bf16) == 312e12);
  for (const char* unknown : {"", "cpu", "host execution", "NVIDIA H2000", "NVIDIA A30X"}) {
    CHECK_FALSE(datasheet_rate(unknown, DType::bf16));
  }
  CHECK_FALSE(datasheet_rate("NVIDIA H200", DType::f64));
}

}  // namespace
}  // namespace sy
