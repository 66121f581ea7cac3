// SPDX-License-Identifier: Apache-2.0
// The CUDA resources of the CUDA clock, and the errors that it reports.
#include "lib/tensor/cuda/cuda_part_clock.h"

#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "lib/tensor/cuda/cuda_context.h"
#include "tests/tensor/timed_work.h"

namespace sy {
namespace {
using namespace test;

// The exec's profiler owns it.
CudaPartClock& enable(TimedWork& work) {
  auto clock = std::make_unique<CudaPartClock>(work.exec);
  CudaPartClock& enabled = *clock;
  work.exec.profiler.enable(std::move(clock));
  return enabled;
}

TEST_CASE("cuda_part_clock: steps after the first create no events", "[cuda_part_clock]") {
  TimedWork work;
  const CudaPartClock& clock = enable(work);
  CHECK(clock.events() == 0);
  double before = 0;
  for (int step = 0; step < 3; ++step) {
    work.run_as(Part::gemm, 1);
    work.run(2);
    work.run_as(Part::attention, 1);
    synchronize(work.exec);
    work.exec.profiler.collect();
    CHECK(clock.events() == 2 * 4);
    CHECK(work.sum() > before);
    before = work.sum();
  }
}

TEST_CASE("cuda_part_clock: unfinished work is neither read nor waited for", "[cuda_part_clock]") {
  TimedWork work;
  enable(work);
  const Stopwatch whole;
  work.run_as(Part::gemm, 16);
  CHECK_THROWS_AS(work.exec.profiler.collect(), InternalError);
  CHECK(work.sum() == 0);
  synchronize(work.exec);
  const double seconds = whole.seconds();
  work.exec.profiler.collect();
  CHECK(work.seconds(Part::gemm) > 0);
  CHECK(work.sum() <= seconds);
}

// The stream waits until another one has done its work, as it does for a collective.
TEST_CASE("cuda_part_clock: waiting for another stream counts for its scope", "[cuda_part_clock]") {
  TimedWork work, elsewhere;
  enable(work);
  cudaEvent_t done = nullptr;
  REQUIRE(cudaEventCreateWithFlags(&done, cudaEventDisableTiming) == cudaSuccess);
  const Stopwatch whole;
  elsewhere.run(16);
  REQUIRE(cudaEventRecord(done, cuda(elsewhere.exec).compute) == cudaSuccess);
  {
    const ProfileScope profile(work.exec.profiler, Part::communication);
    REQUIRE(cudaStreamWaitEvent(cuda(work.exec).compute, done, 0) == cudaSuccess);
  }
  work.run_as(Part::gemm, 1);
  synchronize(work.exec);
  const double seconds = whole.seconds();
  work.exec.profiler.collect();
  CHECK(work.seconds(Part::communication) > work.seconds(Part::gemm));
  CHECK(work.sum() <= seconds);
  CHECK(cudaEventDestroy(done) == cudaSuccess);
}

}  // namespace
}  // namespace sy
