// SPDX-License-Identifier: Apache-2.0
// A run needs and sends what its plan says, to the byte.
#include <catch2/catch.hpp>

#include "kernels/gemm/gemm.h"
#include "lib/plan/reference_step.h"
#include "lib/plan/step_work.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

void check_same(const Traffic& planned, const Traffic& sent) {
  CHECK(planned.records() == sent.records());
}

// As the trainer's table of its start takes it.
int64_t most_of(int64_t bytes) {
  auto number = static_cast<double>(bytes);
  test_world().all_reduce_max(Tensor(&number, DType::f64, {1}), "memory");
  return static_cast<int64_t>(number);
}

// Without whether they overwrite or add, in which micro-batches differ.
GemmCounts alike(const GemmCounts& counts) {
  GemmCounts sum;
  for (const auto& [each, times] : counts) {
    GemmShape shape = each;
    shape.options.accumulate = false;
    if (times > 0) sum[shape] += times;
  }
  return sum;
}

TEST_CASE("planned run: memory by region and traffic by label", "[planned_run]") {
  const int ranks = test_world().size();
  const auto variant =
      GENERATE(std::vector<std::string>{"mesh.expert=auto"},
               std::vector<std::string>{"mesh.zero_stage=1", "mesh.expert=1"},
               std::vector<std::string>{"mesh.zero_stage=1", "optimizer.name=adamw"},
               std::vector<std::string>{"train.recompute=experts", "mesh.zero_stage=1",
                                        "precision=bfloat16"},
               std::vector<std::string>{"train.recompute=blocks", "mesh.model=2"},
               std::vector<std::string>{"mesh.sequence_parallel=true", "mesh.model=2",
                                        "data.decoder_length=8", "mesh.zero_stage=1"});
  CAPTURE(variant);
  std::vector<std::string> overrides = variant;
  if (ranks == 1) std::erase(overrides, "mesh.model=2");
  const RunConfig config = tiny_config(Backend::cpu, overrides);
  Traffic sent;
  Steps real(make_runtime(config, &sent), config);
  real.train_step.plan();
  real.train_step.allocate();
  real.train_step.initialize();
  sent.clear();
  real.fill();
  real.session.exec.profiler.enable();  // which counts GEMMs
  CHECK(real.run().updated);
  const TrainStep::Memory used = real.train_step.memory();

  const PlanInput input = plan_input(config, ranks, 1);
  RankPlan here(input, test_world().rank());
  check_same(here.step.traffic(), sent);
  CHECK(alike(step_work(input, here, here.step.memory()).products) ==
        alike(real.session.exec.state<GemmCounts>()));
  const TrainStep::Memory said = largest_memory(input, RankPlan(input, 0));
  CHECK(said.model.parameters == most_of(used.model.parameters));
  CHECK(said.model.gradients == most_of(used.model.gradients));
  CHECK(said.model.activations == most_of(used.model.activations));
  CHECK(said.model.scratch == most_of(used.model.scratch));
  CHECK(said.optimizer == most_of(used.optimizer));
  const HeldBytes held = held_bytes(input, test_world().rank());
  CHECK(held.parameters == used.model.parameters);
  CHECK(held.gradients == used.model.gradients);
  CHECK(held.optimizer == used.optimizer);
}

TEST_CASE("planned run: a reference step measures what a step reaches", "[planned_run]") {
  Device assumed;
  assumed.float32_flops = 1e11;
  assumed.memory_bytes_per_second = 1e10;
  const Device device = with_reference_step(assumed, test_world(), test_resources());
  // The rates are whatever this machine has; they are finite, and the slowest rank's everywhere.
  for (const double rate :
       {device.product_efficiency * device.float32_flops,
        device.attention_efficiency * device.float32_flops, device.activation_bytes_per_second,
        device.update_bytes_per_second, device.dropout_attention_efficiency * device.float32_flops,
        device.dropout_activation_bytes_per_second}) {
    CHECK(rate > 1e6);
    CHECK(rate < 1e15);
    double most = rate;
    test_world().all_reduce_max(Tensor(&most, DType::f64, {1}), "rates");
    CHECK(most == rate);
  }
  CHECK(device.float32_flops == 1e11);
  CHECK(device.unplanned_bytes > 10e6);
  CHECK(device.unplanned_bytes < 300e6);
  // A share above 1 means that the rate was too low.
  assumed.float32_flops = 1e6;
  const Device faster = with_reference_step(assumed, test_world(), test_resources(), false);
  CHECK(faster.product_efficiency == 1);
  CHECK(faster.float32_flops > 1e8);
  assumed.gpu = true;
  CHECK(json_line(device_json(with_reference_step(assumed, test_world(), test_resources()))) ==
        json_line(device_json(assumed)));
}

}  // namespace
}  // namespace sy
