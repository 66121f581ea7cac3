// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/regions.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/plan/plan.h"
#include "lib/plan/staging.h"
#include "lib/train/checkpointing.h"
#include "tests/plan/support.h"

namespace sy {
namespace {

int64_t bytes_of(const Plan& plan, const std::string& name) {
  const auto region = std::ranges::find(plan.memory, name, &MemoryRegion::name);
  REQUIRE(region != plan.memory.end());
  return region->bytes;
}

TEST_CASE("regions: what libraries take is as the device has measured it", "[regions]") {
  const PlanInput input = test::small_input(1);
  CHECK(bytes_of(make_plan(input, std::nullopt), "libraries") == 8 << 20);
  Device device = find_device("A100");
  CHECK(bytes_of(make_plan(input, device), "libraries") == 8 << 20);
  device.unplanned_bytes = 1e9;  // with the program
  const Plan plan = make_plan(input, device);
  CHECK(bytes_of(plan, "libraries") + bytes_of(plan, "program") == 1000000000);
  // Dropless experts have more GEMMs than the small model beside which it is measured.
  const Plan dropless = make_plan(
      test::small_input(1, {"model.experts.capacity=dropless", "train.micro_batch=16"}), device);
  CHECK(bytes_of(dropless, "libraries") + bytes_of(dropless, "program") > 1001000000);
  device.unplanned_bytes = 1000;
  CHECK(bytes_of(make_plan(input, device), "libraries") == 0);
}

TEST_CASE("regions: what a plan leaves out is said", "[regions]") {
  PlanInput input = test::small_input(1);
  Plan plan = make_plan(input, std::nullopt);
  CHECK(plan.not_included() == std::vector<std::string>{"shuffled text"});
  plan.config.distill.teacher = "runs/teacher";
  plan.config.data.tasks.emplace_back();
  CHECK_THAT(plan_text(plan),
             Catch::Contains("  not among them: shuffled text; the teacher (distill.teacher), in "
                             "memory and time; decoding in evaluations (data.tasks), in memory and "
                             "time\n"));
  CHECK(plan_json(plan)["not_included"].size() == 3);
  plan = make_plan(input, find_device("A100"));
  plan.on_gpu = true;
  CHECK(plan.not_included().size() == 3);
}

TEST_CASE("regions: sizes are printed in a unit that shows them", "[regions]") {
  CHECK(bytes_text(1.5 * (1 << 30)) == "1.50 GiB");
  CHECK(bytes_text(1 << 30) == "1.00 GiB");
  CHECK(bytes_text((1 << 30) - (1 << 20)) == "1023.00 MiB");
  CHECK(bytes_text(1 << 20) == "1.00 MiB");
  CHECK(bytes_text(1536) == "1.50 KiB");
  CHECK(bytes_text(0) == "0.00 KiB");
}

int64_t written_by(const PlanInput& input, int rank) {
  RankPlan plan(input, rank);
  int64_t bytes = 0;
  for (const CheckpointTensor& tensor : checkpoint_tensors(plan.session, &plan.step.optimizer())) {
    bytes += tensor.write ? tensor.local.bytes() : 0;
  }
  return bytes;
}

TEST_CASE("regions: the rank that writes most of a checkpoint is found", "[regions]") {
  const auto mesh =
      GENERATE(std::vector<std::string>{"mesh.expert=4"}, std::vector<std::string>{"mesh.expert=1"},
               std::vector<std::string>{"mesh.model=2", "mesh.expert=2", "model.experts.count=8"},
               std::vector<std::string>{"mesh.zero_stage=1", "mesh.expert=2"},
               std::vector<std::string>{"mesh.zero_stage=1", "mesh.expert=4", "precision=bfloat16"},
               std::vector<std::string>{"mesh.zero_stage=1", "mesh.model=2", "optimizer.name=adamw",
                                        "model.experts.balance_bias=0.001"});
  CAPTURE(mesh);
  const PlanInput input = test::small_input(8, mesh);
  RankPlan first(input, 0);
  std::vector<int64_t> written;
  for (int rank = 0; rank < 8; ++rank) written.push_back(written_by(input, rank));
  CHECK(most_written_bytes(first) == std::ranges::max(written));
  CHECK(bytes_of(make_plan(input, std::nullopt), "checkpoint_staging") ==
        2 * std::ranges::max(written));
}

TEST_CASE("regions: one set of staging memory if nothing is saved before the end", "[regions]") {
  const auto sets = [](const std::vector<std::string>& overrides) {
    return staging_sets(test::small_config(overrides));
  };
  CHECK(sets({}) == 2);
  CHECK(sets({"train.checkpoint_every=0"}) == 1);
  CHECK(sets({"train.checkpoint_every=10", "train.steps=10"}) == 1);
  CHECK(sets({"train.checkpoint_every=9", "train.steps=10"}) == 2);
  RunConfig tasks = test::small_config({"train.checkpoint_every=0"});
  tasks.train.eval_every = 10;
  CHECK(staging_sets(tasks) == 1);
  tasks.data.tasks.emplace_back();  // whose best checkpoints are kept
  CHECK(staging_sets(tasks) == 2);
  tasks.finetune.keep_best = false;
  CHECK(staging_sets(tasks) == 1);
}

TEST_CASE("regions: gradients of other hosts are received, the embedding's last", "[regions]") {
  CHECK(bytes_of(make_plan(test::small_input(1), std::nullopt), "communication") == 0);
  const PlanInput input = test::small_input(2, {"mesh.expert=1", "model.vocab_size=512"});
  const Plan plan = make_plan(input, std::nullopt);
  // All gradients are summed; the embedding is 512 x 32 of them.
  const int64_t embedding = int64_t{512} * 32 * 4, all = bytes_of(plan, "gradients");
  const int64_t received = bytes_of(plan, "communication");
  CHECK(received <= all - embedding);
  CHECK(received > all - embedding - 16 * 1024);  // rows of a region begin at whole lines
  // Of a large one there is nothing else as large.
  const PlanInput large = test::small_input(2, {"mesh.expert=1", "model.vocab_size=262144"});
  CHECK(bytes_of(make_plan(large, std::nullopt), "communication") == int64_t{262144} * 32 * 4);
  Device device = find_device("A100");
  device.ranks_per_host = 2;  // one sum at a time, and of each a half
  CHECK(bytes_of(make_plan(large, device), "communication") == int64_t{262144} * 32 * 4 / 2);
  device.ranks_per_host = 1;
  CHECK(bytes_of(make_plan(large, device), "communication") == int64_t{262144} * 32 * 4);
}

}  // namespace
}  // namespace sy
