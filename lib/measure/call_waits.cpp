// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/call_waits.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "kernels/gemm/gemm_shape.h"
#include "lib/measure/device.h"
#include "lib/measure/gemm_rate.h"
#include "lib/measure/probes.h"

namespace sy {
namespace {

constexpr double kSeconds = 0.4;  // of measuring each interval
constexpr int64_t kWidth = 128;

// Seconds that an interval took with its call, beyond what the slowest rank computed.
double wait_after(Communicator& world, GemmRate& products, double flops, int intervals) {
  double computing = 0;
  world.barrier("call waits");
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < intervals; ++i) {
    computing += flops / products.measure();
    world.barrier("call waits");
  }
  const std::chrono::duration<double> all = std::chrono::steady_clock::now() - start;
  const double waited = spread_of(world, all.count()).max - spread_of(world, computing).max;
  return std::max(0.0, waited / intervals);
}

}  // namespace

std::vector<double> measure_call_waits(Communicator& world, int threads) {
  const GemmShape square{1, kWidth, kWidth, kWidth, DType::f32, DType::f32, {}};
  GemmRate one({{square, 64}}, Backend::cpu, threads);
  const double rate = spread_of(world, one.measure()).min;
  std::vector<double> waits;
  for (const double interval : kWaitIntervals) {
    const auto times = std::max<int64_t>(1, std::llround(interval * rate / square.flops()));
    GemmRate products({{square, times}}, Backend::cpu, threads);
    const double flops = static_cast<double>(times) * square.flops();
    waits.push_back(wait_after(world, products, flops, static_cast<int>(kSeconds / interval)));
  }
  return waits;
}

}  // namespace sy
