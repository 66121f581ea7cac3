// SPDX-License-Identifier: Apache-2.0
// Correct kernels give the same correct results under every schedule.
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "lib/base/error.h"
#include "tests/hostcuda/device/launch.h"
#include "tests/hostcuda/tests/correct_kernels.h"
#include "tests/hostcuda/tests/support.h"

namespace sy::test {
namespace {

// Runs the test once under each schedule.
void choose_schedule() {
  const hostcuda::Schedule schedule = GENERATE(from_range(every_schedule()));
  UNSCOPED_INFO(describe(schedule));
  hostcuda::set_schedule(schedule);
}

TEST_CASE("block: every thread of every block runs once under its own indices", "[block]") {
  choose_schedule();
  const Stream stream;
  const dim3 grid(3, 2, 2), block(4, 3, 2);
  const Device<int> out(12 * 24);
  number_threads(stream, out, grid, block);
  const std::vector<int> values = out.read(stream);
  for (int i = 0; i < 12 * 24; ++i) CHECK(values[static_cast<size_t>(i)] == i / 24 * 1000 + i % 24);
}

TEST_CASE("block: sums through shuffles and shared memory", "[block]") {
  choose_schedule();
  const int threads = GENERATE(32, 96, 256, 1024), blocks = 5;
  const Stream stream;
  const Device<float> x(counting<float>(static_cast<size_t>(blocks * threads)));
  const Device<float> out(static_cast<size_t>(blocks));
  block_sums(stream, out, x, blocks, threads);
  const std::vector<float> sums = out.read(stream);
  for (int b = 0; b < blocks; ++b) {
    const int first = b * threads;
    CHECK(sums[static_cast<size_t>(b)] ==
          Approx(threads * (first + (threads - 1) / 2.0)).epsilon(1e-6));
  }
}

TEST_CASE("block: a scan with two barriers per round", "[block]") {
  choose_schedule();
  const int threads = GENERATE(1, 33, 1000);
  const Stream stream;
  const Device<float> x(counting<float>(static_cast<size_t>(threads)));
  const Device<float> out(static_cast<size_t>(threads));
  scan_shared(stream, out, x, threads);
  const std::vector<float> sums = out.read(stream);
  for (int i = 0; i < threads; ++i) {
    CHECK(sums[static_cast<size_t>(i)] == static_cast<float>(i * (i + 1) / 2));
  }
}

TEST_CASE("block: a scan within each warp", "[block]") {
  choose_schedule();
  const Stream stream;
  const Device<int> x(counting<int>(96)), out(96);
  scan_warps(stream, out, x, 96);
  const std::vector<int> sums = out.read(stream);
  for (int i = 0; i < 96; ++i) {
    const int first = i / 32 * 32;
    CHECK(sums[static_cast<size_t>(i)] == (i - first + 1) * (i + first) / 2);
  }
}

TEST_CASE("block: atomics from many blocks", "[block]") {
  choose_schedule();
  const Stream stream;
  std::vector<int> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 2 + static_cast<int>(i * i % 7);
  const Device<int> x(values), bins(std::vector<int>(16, 0)), ends(std::vector<int>{-1, 100});
  histogram(stream, bins, ends, ends + 1, x, 1000);
  std::vector<int> expected(16, 0);
  for (const int value : values) ++expected[static_cast<size_t>(value)];
  CHECK(bins.read(stream) == expected);
  CHECK(ends.read(stream) == std::vector<int>{6, 2});
}

TEST_CASE("block: warp functions behave as on the device", "[block]") {
  choose_schedule();
  const Stream stream;
  const Device<unsigned> out(12 * 32);
  warp_functions(stream, out);
  const std::vector<unsigned> got = out.read(stream);
  for (unsigned lane = 0; lane < 32; ++lane) {
    const unsigned expected[12] = {5,
                                   lane / 8 * 8 + 1,
                                   lane ^ 3,
                                   lane + 4 < 32 ? lane + 4 : lane,
                                   lane % 8 < 6 ? lane + 2 : lane,
                                   lane >= 4 ? lane - 4 : lane,
                                   lane % 8 >= 2 ? lane - 2 : lane,
                                   0x49249249u,
                                   1,
                                   0,
                                   lane ^ 16,
                                   lane < 16 ? 3 : lane ^ 1};
    for (unsigned row = 0; row < 12; ++row) {
      INFO("row " << row << ", lane " << lane);
      CHECK(got[row * 32 + lane] == expected[row]);
    }
  }
}

TEST_CASE("block: a launch that a GPU would not start is refused", "[block]") {
  hostcuda::set_schedule({});
  const Stream stream;
  const Device<int> out(1);
  using Call = hostcuda::KernelCall;
  const Call too_large[] = {{"wide", {1}, {1025}, 0},       {"many", {1}, {32, 33}, 0},
                            {"deep", {1}, {1, 1, 65}, 0},   {"tall", {1, 65536}, {1}, 0},
                            {"far", {1, 1, 65536}, {1}, 0}, {"fat", {1}, {1}, (48 << 10) + 1}};
  for (const Call& call : too_large) {
    INFO(call.name);
    CHECK(hostcuda::queue_kernel(stream, call, [] {}) == cudaErrorInvalidConfiguration);
  }
  CHECK(hostcuda::queue_kernel(stream, {"fits", {1, 2, 3}, {32, 32}, 48 << 10}, [] {}) ==
        cudaSuccess);
  CHECK_THROWS_WITH(
      number_threads(stream, out, {1, 1, 1}, {2048, 1, 1}),
      Catch::Contains("number_threads") && Catch::Contains("cudaErrorInvalidConfiguration"));
}

// Not a test: prints the nanoseconds that a thread, a barrier and a shuffle take.
TEST_CASE("block: the cost of waiting", "[.speed]") {
  hostcuda::set_schedule({});
  const Stream stream;
  const int blocks = 100, threads = 256, many = 100;
  const Device<int> out(static_cast<size_t>(blocks * threads));
  auto nanoseconds = [&](Wait wait, int times) {
    rounds(stream, out, wait, times, blocks, threads);
    const auto start = std::chrono::steady_clock::now();
    stream.wait();
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
    return spent.count() / (blocks * threads);
  };
  nanoseconds(Wait::barrier, 1);  // makes the fibers
  std::printf("ns per thread that never waits %.1f\n", nanoseconds(Wait::none, 0));
  std::printf("ns per thread with one barrier %.1f\n", nanoseconds(Wait::barrier, 1));
  std::printf("ns per barrier and thread %.1f\n", nanoseconds(Wait::barrier, many) / many);
  std::printf("ns per shuffle and thread %.1f\n", nanoseconds(Wait::shuffle, many) / many);
}

}  // namespace
}  // namespace sy::test
