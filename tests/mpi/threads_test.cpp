// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <catch2/catch.hpp>

#include <cstdlib>

#include "tests/support/gradcheck.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

int bound_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
  return CPU_COUNT(&set);
}

void bind_to_first_core() {
  cpu_set_t set, one;
  CPU_ZERO(&one);
  REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &set)) continue;
    CPU_SET(core, &one);
    break;
  }
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
}

// mpirun.sh sets OMP_NUM_THREADS; without it, auto applies.
TEST_CASE("threads: the environment, the configuration, and the node's cores", "[threads]") {
  const int all = bound_cores();
  const MpiEnvironment& mpi = test_environment();
  REQUIRE(mpi.local_size() == test_world().size());
  REQUIRE(mpi.local_rank() == test_world().rank());

  setenv("OMP_NUM_THREADS", "3", 1);
  CHECK(choose_threads(mpi, 5) == 3);
  unsetenv("OMP_NUM_THREADS");
  CHECK(choose_threads(mpi, 5) == 5);

  // The default binding of mpirun, which auto replaces by the share of this rank.
  bind_to_first_core();
  REQUIRE(bound_cores() == 1);
  const int threads = choose_threads(mpi, 0);
  Owned sum = int_tensor({1}, {threads});
  test_world().all_reduce_sum(sum, "threads");
  if (all >= mpi.local_size()) {
    CHECK(bound_cores() == threads);
    CHECK(sum.data<int32_t>()[0] == all);
  } else {
    CHECK(threads == 1);
    CHECK(bound_cores() == all);
  }

  // More threads than bound cores: the process is unbound.
  bind_to_first_core();
  CHECK(choose_threads(mpi, all) == all);
  CHECK(bound_cores() == all);
}

}  // namespace
}  // namespace sy
