// SPDX-License-Identifier: Apache-2.0
// Which of cuBLASLt's algorithms a GEMM uses, where the library is executed on the host and offers
// what a test wants. Choices are kept for the process, so every test has a shape of its own.
#include <cuda_runtime_api.h>

#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_trials.h"
#include "tests/hostcuda/cublaslt/cublaslt.h"
#include "tests/hostcuda/device/memory.h"
#include "tests/support/gradcheck.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using hostcuda::Offer;
using hostcuda::offers;
using hostcuda::Sums;

// What the library offers while it lives.
struct Offered {
  explicit Offered(std::vector<Offer> made) : before(offers()) { offers() = std::move(made); }
  ~Offered() { offers() = before; }
  Offered(const Offered&) = delete;
  Offered& operator=(const Offered&) = delete;
  std::vector<Offer> before;
};

std::vector<int64_t> counts() {
  std::vector<int64_t> all;
  for (Offer& offer : offers()) all.push_back(std::exchange(offer.count, 0));
  return all;
}

// c [m, 24] += a [m, 40] b [40, 24].
struct Problem {
  explicit Problem(int64_t m, DType dtype = DType::f32, double least_flops = 0)
      : a(random_tensor(dtype, {m, 40}, 1)),
        b(random_tensor(dtype, {40, 24}, 2)),
        c(dtype, {m, 24}) {
    exec->state<GemmTrials>().least_flops = least_flops;
  }

  void run() { gemm(*exec, c, a, b, {.accumulate = true}); }
  // How far c is from `times` products.
  double error(int times) {
    double worst = 0;
    for (int64_t i = 0; i < c.tensor().numel(); ++i) {
      double sum = 0;
      for (int64_t p = 0; p < 40; ++p) {
        sum += static_cast<double>(a.data<float>()[i / 24 * 40 + p]) *
               static_cast<double>(b.data<float>()[p * 24 + i % 24]);
      }
      worst = std::max(worst, std::abs(static_cast<double>(c.data<float>()[i]) - times * sum));
    }
    return worst;
  }

  std::unique_ptr<Exec> exec = make_exec(1);
  Owned a, b, c;
};

bool runs_here() {
  if (test_backend() == Backend::cuda) return true;
  skip("for the CUDA backend");
  return false;
}

TEST_CASE("gemm_algorithms: one that is refused is passed over", "[gemm_algorithms]") {
  if (!runs_here()) return;
  const double least_flops = GENERATE(0.0, 1e9);
  const Offered offered({{.usable = false}, {.runs = false}, {.sums = Sums::whole}});
  Problem problem(least_flops == 0 ? 11 : 12, DType::f32, least_flops);
  for (int times = 1; times <= 3; ++times) {
    problem.run();
    CHECK(problem.error(times) < 1e-4);
    const std::vector<int64_t> ran = counts();
    CHECK(ran[0] + ran[1] == 0);
    CHECK(ran[2] >= 1);
  }
}

TEST_CASE("gemm_algorithms: the fastest of those that give the same bits", "[gemm_algorithms]") {
  if (!runs_here()) return;
  const Offered offered({{.runs = false, .milliseconds = 1},
                         {.sums = Sums::whole, .milliseconds = 5000},
                         {.sums = Sums::halves, .milliseconds = 1000},
                         {.sums = Sums::whole, .milliseconds = 2000},
                         {.sums = Sums::whole, .milliseconds = 3000}});
  Problem problem(13);
  problem.run();
  CHECK(counts() == std::vector<int64_t>{0, 1, 0, 0, 0});
  size_t free = 0, total = 0, after = 0;
  cudaMemGetInfo(&free, &total);
  problem.run();
  cudaMemGetInfo(&after, &total);
  CHECK(after == free);  // what the trial took
  CHECK(problem.error(2) < 1e-4);
  counts();
  problem.run();
  CHECK(problem.error(3) < 1e-4);
  CHECK(counts() == std::vector<int64_t>{0, 0, 0, 1, 0});
  Problem another(13);  // its choice is that of the process
  another.run();
  CHECK(counts() == std::vector<int64_t>{0, 0, 0, 1, 0});
  REQUIRE(cudaSetDevice(1) == cudaSuccess);  // another GPU has its own
  Problem elsewhere(13);
  elsewhere.run();
  CHECK(counts() == std::vector<int64_t>{0, 1, 0, 0, 0});
  REQUIRE(cudaSetDevice(0) == cudaSuccess);
}

TEST_CASE("gemm_algorithms: small GEMMs are not timed", "[gemm_algorithms]") {
  if (!runs_here()) return;
  const Offered offered({{.milliseconds = 5000}, {.milliseconds = 1000}});
  Problem problem(14, DType::f32, 2.0 * 14 * 24 * 40 + 1);
  for (int times = 0; times < 3; ++times) problem.run();
  CHECK(counts() == std::vector<int64_t>{3, 0});
}

TEST_CASE("gemm_algorithms: without memory for a trial the first one is used",
          "[gemm_algorithms]") {
  if (!runs_here()) return;
  const Offered offered({{.milliseconds = 5000}, {.milliseconds = 1000}});
  Problem problem(15);
  hostcuda::total_bytes() = hostcuda::allocated_bytes() + 4096;
  for (int times = 0; times < 3; ++times) problem.run();
  hostcuda::total_bytes() = hostcuda::kTotalBytes;
  CHECK(problem.error(3) < 1e-4);
  CHECK(counts() == std::vector<int64_t>{3, 0});
  CHECK(cudaGetLastError() == cudaSuccess);
}

TEST_CASE("gemm_algorithms: sums rounded in between only if there is no other way",
          "[gemm_algorithms]") {
  if (!runs_here()) return;
  const Offered offered({{.sums = Sums::rounded_halves}});
  Problem problem(16);
  problem.run();
  CHECK(problem.error(1) < 1e-4);
  CHECK(counts() == std::vector<int64_t>{1});
}

TEST_CASE("gemm_algorithms: none at all is an error that names the sizes", "[gemm_algorithms]") {
  if (!runs_here()) return;
  const bool offers_one = GENERATE(false, true);
  const Offered offered(offers_one ? std::vector<Offer>{{.runs = false}} : std::vector<Offer>{});
  Problem problem(17);
  CHECK_THROWS_AS(problem.run(), RuntimeFailure);
  CHECK_THROWS_WITH(problem.run(), Catch::Contains("float32 17 x 40 by 40 x 24"));
}

// Two Execs of one process.
TEST_CASE("gemm_algorithms: a choice made by one Exec serves another with less memory",
          "[gemm_algorithms]") {
  if (!runs_here()) return;
  const Offered offered({{.milliseconds = 5000}, {.milliseconds = 1000}});
  Problem first(18), second(18);
  for (int times = 0; times < 2; ++times) first.run();
  counts();
  hostcuda::total_bytes() = hostcuda::allocated_bytes();
  second.run();
  hostcuda::total_bytes() = hostcuda::kTotalBytes;
  CHECK(counts() == std::vector<int64_t>{0, 1});
}

}  // namespace
}  // namespace sy
