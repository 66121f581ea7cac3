// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/execute.h"

#include <catch2/catch.hpp>

#include "tests/plan/support.h"

namespace sy {
namespace {

TEST_CASE("execute: meshes of every kind work", "[execute]") {
  const auto variant = GENERATE(
      std::vector<std::string>{"mesh.expert=4"},
      std::vector<std::string>{"mesh.model=2", "mesh.expert=2", "train.recompute=blocks"},
      std::vector<std::string>{"mesh.zero_stage=1", "mesh.expert=2", "optimizer.name=adamw"},
      std::vector<std::string>{"mesh.zero_stage=1", "mesh.model=2", "mesh.expert=2",
                               "mesh.sequence_parallel=true", "optimizer.rms_over=tensor"},
      std::vector<std::string>{"mesh.model=4", "mesh.sequence_parallel=true",
                               "model.experts.capacity=dropless"});
  CAPTURE(variant);
  const Executed executed = execute_plan(test::small_input(8, variant), 2);
  CHECK(executed.fault.empty());
  CHECK(executed.calls > 8 * 10);
  CHECK(executed.rows_compared == (variant.back() != "model.experts.capacity=dropless"));
}

// What a plan says without planning every rank (rank_plan.h).
TEST_CASE("execute: no rank needs more than the plan says", "[execute]") {
  const auto variant = GENERATE(
      std::vector<std::string>{"mesh.model=2", "mesh.expert=2"},
      std::vector<std::string>{"mesh.zero_stage=1", "mesh.expert=2"},
      std::vector<std::string>{"mesh.zero_stage=1", "mesh.model=2", "optimizer.name=adamw"});
  CAPTURE(variant);
  const PlanInput input = test::small_input(8, variant);
  const RankPlan first(input, 0);
  const TrainStep::Memory said = largest_memory(input, first);
  const TrainStep::Memory found = execute_plan(input, 1).most;
  CHECK(said.model.parameters == found.model.parameters);
  CHECK(said.model.gradients == found.model.gradients);
  CHECK(said.model.activations == found.model.activations);
  CHECK(said.model.scratch == found.model.scratch);
  CHECK(said.optimizer == found.optimizer);
}

// Rank 0 owns a small embedding, others a matrix of a large dense layer.
TEST_CASE("execute: with ZeRO-1 the rank that holds most is found", "[execute]") {
  const PlanInput input =
      test::small_input(8, {"mesh.zero_stage=1", "mesh.expert=1", "optimizer.name=adamw",
                            "model.d_ff=1024", "model.vocab_size=128"});
  const RankPlan first(input, 0);
  const int64_t said = largest_memory(input, first).optimizer;
  CHECK(said > first.step.memory().optimizer);
  CHECK(said == execute_plan(input, 1).most.optimizer);
}

TEST_CASE("execute: what no rank can plan is an error, not a hang", "[execute]") {
  PlanInput input = test::small_input(2);
  input.shape.expert = 3;  // does not divide the ranks
  CHECK_THROWS_AS(execute_plan(input, 2), Error);
}

TEST_CASE("execute: the largest models on the largest meshes", "[execute_large]") {
  struct Case {
    const char* config;
    int ranks;
    int64_t checkpoint;  // bytes of parameters alone
  };
  const auto [config, ranks, parameters] =
      GENERATE(Case{"switch-c", 2048, 4 * int64_t{1571327875360}},
               Case{"switch-xxl", 1024, 4 * int64_t{394675073024}});
  const int64_t zero = GENERATE(0, 1);
  CAPTURE(config, ranks, zero);
  const PlanInput input =
      plan_input(load_config(fmt::format("{}/configs/{}.yaml", SY_SOURCE_DIR, config),
                             {"model.vocab_size=32128", "data.tokenizer=none", "data.streams=2048",
                              fmt::format("mesh.zero_stage={}", zero), "train.global_batch=32768",
                              "train.micro_batch=16", "train.eval_every=0"}),
                 ranks, 1);
  const Executed executed = execute_plan(input, 2);
  CHECK(executed.fault.empty());
  CHECK(executed.checkpoint_bytes > parameters);
}

}  // namespace
}  // namespace sy
