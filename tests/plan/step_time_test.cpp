// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/step_time.h"

#include <catch2/catch.hpp>

#include "lib/plan/wire.h"
#include "tests/plan/support.h"

namespace sy {
namespace {

Device simple_device() {
  Device device;
  device.name = "simple";
  device.memory_bytes = 1e9;
  device.float32_flops = 1e9;
  device.product_efficiency = 0.5;
  device.memory_bytes_per_second = 1e12;
  device.ranks_per_host = 2;
  device.within_host = {1e-3, 1e9};
  device.between_hosts = {1e-2, 1e8};
  return device;
}

StepTime time_of(int ranks, const std::vector<std::string>& overrides, const Device& device) {
  const PlanInput input = test::small_input(ranks, overrides);
  RankPlan first(input, 0);
  return estimate_step(input, first, first.step.memory(), device);
}

TEST_CASE("step time: each collective costs its latencies and bytes", "[step_time]") {
  const ParamStore no_params;
  const Device device = simple_device();
  const auto seconds = [&](const char* group, const char* collective, int64_t calls, int64_t bytes,
                           MeshShape shape) {
    Traffic traffic;
    traffic.add({group, collective, "x"}, {calls, bytes});
    return wire_seconds(traffic, shape, no_params, device);
  };
  // Two ranks on one host: one doubling; an all-reduce moves the tensor once.
  CHECK(seconds("data", "all_reduce_sum", 3, 1000000, {2, 1, 1}) == Approx(3 * 2e-3 + 1e-3));
  // Eight ranks on four hosts: three doublings.
  CHECK(seconds("data", "all_reduce_sum", 1, 1000000, {8, 1, 1}) ==
        Approx(6e-2 + 2 * 7 / 8. * 1e-2));
  CHECK(seconds("data", "all_gather", 1, 1000000, {8, 1, 1}) == Approx(3e-2 + 7e-2));
  CHECK(seconds("expert", "all_to_all_rows", 1, 1000000, {8, 1, 8}) == Approx(3e-2 + 1e-2));
  // The ranks of a model group are neighbours: these are on one host.
  CHECK(seconds("model", "reduce_scatter_sum", 1, 1000000, {8, 2, 1}) == Approx(1e-3 + 1e-3));
}

TEST_CASE("step time: products by their FLOPs, recomputation included", "[step_time]") {
  const Device device = simple_device();
  const RunConfig config = test::small_input(1).config;
  const double flops = SwitchModel::flops_per_sequence(config.model, 32, 8);
  const StepTime plain = time_of(1, {}, device);
  CHECK(plain.products == Approx(16 * flops / 0.5e9));
  CHECK(plain.wire == 0);
  CHECK(plain.mfu == Approx(16 * flops / plain.total() / 1e9));
  CHECK(plain.tokens_per_second == Approx(16 * 40 / plain.total()));
  const StepTime blocks = time_of(1, {"train.recompute=blocks"}, device);
  CHECK(blocks.products == Approx(plain.products * 4 / 3));
  CHECK(blocks.elementwise == Approx(plain.elementwise));
  // One sparse layer of 64 x 32 in each stack: 2 m n k for each token.
  const StepTime experts = time_of(1, {"train.recompute=experts"}, device);
  CHECK(experts.products == Approx(plain.products + 16 * 40 * 2. * 32 * 64 / 0.5e9));
  const StepTime two = time_of(2, {"mesh.model=2"}, device);
  CHECK(two.products == Approx(plain.products / 2));
  CHECK(two.wire > 0);
}

TEST_CASE("step time: weights that are read too often are the bound", "[step_time]") {
  Device device = simple_device();
  device.float32_flops = 1e18;
  device.memory_bytes_per_second = 1e6;
  const PlanInput input = test::small_input(1);
  RankPlan first(input, 0);
  const StepTime time = estimate_step(input, first, first.step.memory(), device);
  const double weights = 4. * static_cast<double>(first.session.model.params().local_count());
  const auto gradients = static_cast<double>(first.step.memory().model.gradients);
  CHECK(time.products == Approx(16 * (2 * weights + 2 * gradients) / 1e6));
}

TEST_CASE("step time: a device without bfloat16 is refused", "[step_time]") {
  const PlanInput input = test::small_input(1);
  RankPlan first(input, 0);
  first.session.config.precision = Precision::bfloat16;
  CHECK_THROWS_WITH(estimate_step(input, first, first.step.memory(), simple_device()),
                    Catch::Contains("bfloat16_flops"));
}

}  // namespace
}  // namespace sy
