// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/own_process.h"

#include <catch2/catch.hpp>

#include <algorithm>

#include "lib/tensor/memory.h"

namespace sy {
namespace {

TEST_CASE("own process: a peak is kept until it is forgotten", "[own_process]") {
  constexpr int64_t kBytes = 64 << 20;
  const int64_t before = peak_resident_bytes();
  {
    const Memory memory(MemoryKind::host, kBytes, "peak");
    std::fill_n(static_cast<char*>(memory.data()), kBytes, 1);
  }
  const int64_t peak = peak_resident_bytes();
  CHECK(peak >= before + kBytes / 2);
  forget_peak_resident();
  CHECK(peak_resident_bytes() <= peak - kBytes / 2);
  CHECK(process_age_seconds() > 0);
}

}  // namespace
}  // namespace sy
