// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <catch2/catch.hpp>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/gradcheck.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

std::vector<int> bound_cores() {
  cpu_set_t set;
  REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

void bind_to(const std::vector<int>& cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) CPU_SET(core, &set);
  REQUIRE(sched_setaffinity(0, sizeof set, &set) == 0);
}

// mpirun.sh sets OMP_NUM_THREADS and binds nothing; without the variable, auto applies.
TEST_CASE("threads: the configuration, the environment, and the cores that are given",
          "[threads]") {
  const std::vector<int> given = bound_cores();
  const int all = static_cast<int>(given.size());
  const MpiEnvironment& mpi = test_environment();
  REQUIRE(mpi.local_size() == test_world().size());
  REQUIRE(mpi.local_rank() == test_world().rank());

  setenv("OMP_NUM_THREADS", "1", 1);
  CHECK(choose_threads(mpi, 0) == 1);
  CHECK(choose_threads(mpi, all) == all);      // the configuration is asked first
  CHECK(choose_threads(mpi, all + 5) == all);  // but nothing is wider than the cores
  setenv("OMP_NUM_THREADS", std::to_string(all + 5).c_str(), 1);
  CHECK(choose_threads(mpi, 0) == all);
  CHECK(bound_cores() == given);
  unsetenv("OMP_NUM_THREADS");

  // All ranks have the same cores, which auto divides among them.
  const int threads = choose_threads(mpi, 0);
  Owned sum = int_tensor({1}, {threads});
  test_world().all_reduce_sum(sum, "threads");
  if (all >= mpi.local_size()) {
    CHECK(std::ssize(bound_cores()) == threads);
    CHECK(sum.data<int32_t>()[0] == all);
  } else {
    CHECK(threads == 1);
    CHECK(bound_cores() == given);
  }
  bind_to(given);
}

// Under `srun --cpus-per-task`, ranks have cores of their own: they keep them whole and leave those
// of the others alone.
TEST_CASE("threads: only ranks that were given the same cores divide them", "[threads]") {
  const std::vector<int> given = bound_cores();
  const auto rank = static_cast<size_t>(test_world().rank());
  const std::vector<int> own = rank == 0 ? given : std::vector<int>{given[rank % given.size()]};
  bind_to(own);
  const int threads = choose_threads(test_environment(), 0);
  if (given.size() > 1) CHECK(threads == std::ssize(own));
  CHECK(choose_threads(test_environment(), 2) <= std::ssize(own));
  CHECK(bound_cores() == own);
  bind_to(given);
}

}  // namespace
}  // namespace sy
