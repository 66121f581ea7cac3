// SPDX-License-Identifier: Apache-2.0
// Hidden: fails on purpose on one rank, so that faults.sh can check that the job ends.
#include <catch2/catch.hpp>

#include "tests/support/mpi_world.h"

namespace sy {

TEST_CASE("one rank fails while the others wait", "[.fails_on_rank_1]") {
  CHECK(test::test_world().rank() != 1);
  test::test_world().barrier("waits for rank 1");
}

}  // namespace sy
