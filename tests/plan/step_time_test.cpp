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
  device.memory_bytes_per_second = 1e16;
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

// Eight ranks on hosts of two: model groups of two are each on one host, data groups on none.
TEST_CASE("step time: a group is on one host if all of its name are", "[step_time]") {
  CHECK(on_one_host("model", {8, 2, 1}, 2));
  CHECK_FALSE(on_one_host("data", {8, 2, 1}, 2));
  // Of three hosts of eight, ranks 0 to 5 are on the first, 6 to 11 on two.
  CHECK_FALSE(on_one_host("model", {24, 6, 1}, 8));
  CHECK(on_one_host("model", {24, 6, 1}, 12));
  Traffic traffic;
  traffic.add({"model", "reduce_scatter_sum", "x"}, {1, 1000000});
  Device device = simple_device();
  device.ranks_per_host = 8;
  CHECK(wire_seconds(traffic, {24, 6, 1}, ParamStore(), device) == Approx(3 * 1e-2 + 1e-2));
  device.ranks_per_host = 12;
  CHECK(wire_seconds(traffic, {24, 6, 1}, ParamStore(), device) == Approx(3 * 1e-3 + 1e-3));
}

TEST_CASE("step time: at each call ranks wait for the slowest", "[step_time]") {
  Device device = simple_device();
  Traffic traffic;
  traffic.add({"data", "all_reduce_sum", "x"}, {6, 100});
  traffic.add({"model", "all_gather", "y"}, {4, 100});
  CHECK(waiting_seconds(traffic, 1, device) == 0);
  device.call_waits = {2e-5, 8e-5, 10e-5};  // after 1, 4 and 16 ms
  const auto wait = [&](double interval) {
    return waiting_seconds(traffic, 10 * interval, device) / 10;
  };
  CHECK(wait(0.5e-3) == Approx(1e-5));
  CHECK(wait(2e-3) == Approx(4e-5));
  CHECK(wait(10e-3) == Approx(9e-5));
  CHECK(wait(1) == Approx(10e-5));
  CHECK(waiting_seconds({}, 1, device) == 0);
  CHECK(time_of(1, {}, device).waiting == 0);
  const StepTime two = time_of(2, {"mesh.model=2"}, device);
  CHECK(two.waiting > 0);
  CHECK(two.total() == Approx(two.products + two.attention + two.elementwise + two.update +
                              two.wire + two.waiting));
}

TEST_CASE("step time: products by their FLOPs", "[step_time]") {
  Device device = simple_device();
  device.attention_efficiency = 0.25;
  const std::string dense = "model.experts.count=0";
  const RunConfig config = test::small_config({dense});
  const double flops = SwitchModel::flops_per_sequence(config.model, 32, 8);
  const double attention = SwitchModel::attention_flops_per_sequence(config.model, 32, 8);
  // Forward: 2 m n k for queries and keys, and for scores and values, of 32 columns in all heads.
  CHECK(attention == 3 * 2 * (2 * 32. * 32 * 32 + 2 * 8. * (8 + 32) * 32) * 2);
  const StepTime plain = time_of(1, {dense}, device);
  CHECK(plain.products == Approx(16 * (flops - attention) / 0.5e9));
  CHECK(plain.attention == Approx(16 * attention / 0.25e9));
  CHECK(plain.wire == 0);
  CHECK(plain.mfu == Approx(16 * flops / plain.total() / 1e9));
  CHECK(plain.tokens_per_second == Approx(16 * 40 / plain.total()));
  const StepTime two = time_of(2, {dense, "mesh.model=2"}, device);
  CHECK(two.products == Approx(plain.products / 2));
  CHECK(two.attention == Approx(plain.attention / 2));
  CHECK(two.wire > 0);
}

TEST_CASE("step time: what is computed again counts", "[step_time]") {
  const Device device = simple_device();
  const StepTime plain = time_of(1, {}, device);
  const StepTime blocks = time_of(1, {"train.recompute=blocks"}, device);
  // Forward, a third, of one of the two layers of each stack.
  CHECK(blocks.attention == Approx(plain.attention * 7 / 6));
  const std::vector<std::string> uneven{"model.encoder_layers=4", "model.decoder_layers=1"};
  std::vector<std::string> uneven_blocks = uneven;
  uneven_blocks.emplace_back("train.recompute=blocks");
  const double encoder = 32 * 32, decoder = 8 * (8 + 32);  // pairs of a layer
  CHECK(time_of(1, uneven_blocks, device).attention ==
        Approx(time_of(1, uneven, device).attention *
               (1 + 3 * encoder / 3 / (4 * encoder + decoder))));
  CHECK(blocks.elementwise == Approx(plain.elementwise));
  // A third of all, but for the logits and what no backward pass reads.
  CHECK(blocks.products > plain.products * 1.1);
  CHECK(blocks.products < plain.products * 4 / 3);
  // One sparse layer of 64 x 32 in each stack. A group has 32 or 8 tokens; 4 experts with room for
  // 1.25 times their share, and for at least 4, compute 40 rows or 16.
  const StepTime experts = time_of(1, {"train.recompute=experts"}, device);
  CHECK(experts.products == Approx(plain.products + 16 * (40 + 16) * 2. * 32 * 64 / 0.5e9));
}

TEST_CASE("step time: dropless experts compute each token once", "[step_time]") {
  const Device device = simple_device();
  const std::string dropless = "model.experts.capacity=dropless";
  const StepTime alone = time_of(1, {dropless}, device);
  const StepTime four = time_of(4, {dropless, "train.micro_batch=1"}, device);
  CHECK(four.products == Approx(alone.products / 4).epsilon(0.05));
}

TEST_CASE("step time: narrow products take longer", "[step_time]") {
  Device device = simple_device();
  device.narrow_products = {0.1, 0.2, 0.4, 0.6, 0.8, 1};
  const auto share = [&](int64_t m, int64_t n, int64_t k) {
    const GemmShape shape{1, m, n, k, DType::f32, DType::f32, {}};
    return shape.flops() / product_seconds({{shape, 1}}, device, 1);
  };
  CHECK(share(4096, 64, 64) == Approx(0.2));
  CHECK(share(64, 4096, 64) == Approx(0.2));
  CHECK(share(4096, 32, 128) == Approx(0.2));  // as wide as 64 by 64
  CHECK(share(4096, 64, 128) == Approx(0.3));
  CHECK(share(4096, 4096, 4096) == Approx(1));
  CHECK(share(4096, 16, 16) == Approx(0.05));
  device.narrow_products.clear();
  CHECK(share(4096, 16, 16) == Approx(1));
}

TEST_CASE("step time: a description's own rates for activations and the update", "[step_time]") {
  Device device = simple_device();
  const StepTime plain = time_of(1, {}, device);
  device.activation_bytes_per_second = device.memory_bytes_per_second / 2;
  device.update_bytes_per_second = device.memory_bytes_per_second / 3;
  const StepTime slower = time_of(1, {}, device);
  CHECK(slower.elementwise == Approx(2 * plain.elementwise));
  CHECK(slower.update == Approx(3 * plain.update));
  CHECK(slower.products == plain.products);
}

TEST_CASE("step time: a description's own rates for dropout", "[step_time]") {
  Device device = simple_device();
  device.attention_efficiency = 0.5;
  device.dropout_attention_efficiency = device.attention_efficiency / 2;
  device.dropout_activation_bytes_per_second = device.memory_bytes_per_second / 3;
  const StepTime without = time_of(1, {}, device);
  const StepTime with = time_of(1, {"model.dropout=0.1"}, device);
  CHECK(with.attention == Approx(2 * without.attention));
  CHECK(with.elementwise == Approx(3 * without.elementwise));
  device.dropout_attention_efficiency = device.dropout_activation_bytes_per_second = 0;
  CHECK(time_of(1, {"model.dropout=0.1"}, device).total() == Approx(without.total()));
}

TEST_CASE("step time: an update passes over what a rank owns", "[step_time]") {
  Device device = simple_device();
  const PlanInput input = test::small_input(1);
  RankPlan first(input, 0);
  const TrainStep::Memory memory = first.step.memory();
  const StepTime alone = estimate_step(input, first, memory, device);
  // Weights read and written, gradients read, the optimiser's state read and written.
  CHECK(alone.update == Approx(static_cast<double>(12 * first.session.model.params().local_count() +
                                                   2 * memory.optimizer) /
                               device.memory_bytes_per_second));
  const std::vector<std::string> all_on_each{"mesh.expert=1"};
  CHECK(time_of(2, all_on_each, device).update == Approx(alone.update));
  const StepTime owners = time_of(2, {"mesh.expert=1", "mesh.zero_stage=1"}, device);
  CHECK(owners.update < alone.update * 0.6);
}

TEST_CASE("step time: products read and write their matrices", "[step_time]") {
  const GemmShape single{3, 5, 7, 11, DType::bf16, DType::f32, {}};
  CHECK(product_bytes({{single, 2}}) == 2 * 3 * (2 * (5 * 11 + 11 * 7) + 4 * 5 * 7));
  Device device = simple_device();
  device.float32_flops = 1e18;
  device.memory_bytes_per_second = 1e6;
  const PlanInput input = test::small_input(1);
  RankPlan first(input, 0);
  const TrainStep::Memory memory = first.step.memory();
  const StepTime time = estimate_step(input, first, memory, device);
  CHECK(time.products == Approx(product_bytes(step_work(input, first, memory).products) / 1e6));
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
