// SPDX-License-Identifier: Apache-2.0
#include "lib/base/numeric.h"

#include <catch2/catch.hpp>
#include <limits>

namespace sy {
namespace {

TEST_CASE("numeric: division that rounds up", "[numeric]") {
  for (int64_t b : {1, 2, 3, 7, 128}) {
    for (int64_t a = 0; a < 300; ++a) {
      CAPTURE(a, b);
      CHECK(ceil_div(a, b) * b >= a);
      CHECK((ceil_div(a, b) - 1) * b < a);
      CHECK(round_up(a, b) % b == 0);
      CHECK(round_up(a, b) - a < b);
    }
  }
}

TEST_CASE("numeric: division that must be exact", "[numeric]") {
  CHECK(div_exact(12, 4) == 3);
  CHECK(div_exact(0, 4) == 0);
  CHECK_THROWS_WITH(div_exact(13, 4), Catch::Contains("13 is not a multiple of 4"));
  CHECK_THROWS_AS(div_exact(13, 0), InternalError);
}

TEST_CASE("numeric: conversions that would change the value throw", "[numeric]") {
  constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();
  CHECK(narrow<int32_t>(kLargest) == kLargest);
  CHECK_THROWS_AS(narrow<int32_t>(kLargest + 1), InternalError);
  CHECK(narrow<int32_t>(-kLargest - 1) == -kLargest - 1);
  CHECK_THROWS_AS(narrow<int32_t>(-kLargest - 2), InternalError);
  CHECK_THROWS_AS(narrow<uint32_t>(-1), InternalError);
  CHECK_THROWS_AS(narrow<int64_t>(std::numeric_limits<uint64_t>::max()), InternalError);
  CHECK_THROWS_WITH(narrow<uint8_t>(256), Catch::Contains("256 does not fit"));
}

TEST_CASE("numeric: the median, of an even number the upper one", "[numeric]") {
  CHECK(median({3}) == 3);
  CHECK(median({5, 1, 9}) == 5);
  CHECK(median({4, 1, 3, 2}) == 3);
  CHECK(median({2, 2, 2, 8}) == 2);
}

}  // namespace
}  // namespace sy
