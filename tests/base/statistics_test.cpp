#include "lib/base/statistics.h"

#include <catch2/catch.hpp>

namespace sy {
namespace {

TEST_CASE("statistics: the median, of an even number the upper one", "[statistics]") {
  CHECK(median({3}) == 3);
  CHECK(median({5, 1, 9}) == 5);
  CHECK(median({4, 1, 3, 2}) == 3);
  CHECK(median({2, 2, 2, 8}) == 2);
}

}  // namespace
}  // namespace sy
