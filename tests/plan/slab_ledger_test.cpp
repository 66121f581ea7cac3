// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/slab_ledger.h"

#include <catch2/catch.hpp>

#include "lib/train/checkpointing.h"
#include "tests/plan/support.h"

namespace sy {
namespace {

std::vector<CheckpointTensor> saved_by(const PlanInput& input, int rank) {
  RankPlan plan(input, rank);
  return checkpoint_tensors(plan.session, &plan.step.optimizer());
}

TEST_CASE("slab ledger: every mesh writes each element once", "[slab_ledger]") {
  const auto mesh = GENERATE(
      std::vector<std::string>{"mesh.expert=4"}, std::vector<std::string>{"mesh.expert=2"},
      std::vector<std::string>{"mesh.model=2", "mesh.expert=2"},
      std::vector<std::string>{"mesh.zero_stage=1", "mesh.expert=2"},
      std::vector<std::string>{"mesh.zero_stage=1", "mesh.model=2", "optimizer.name=adamw"});
  CAPTURE(mesh);
  const PlanInput input = test::small_input(8, mesh);
  SlabLedger ledger;
  for (int rank = 0; rank < 8; ++rank) ledger.add(rank, saved_by(input, rank));
  CHECK(ledger.find_fault().empty());
  CHECK(ledger.slabs() >= ledger.tensors());
}

TEST_CASE("slab ledger: gaps, overlaps and other tensors are named", "[slab_ledger]") {
  const PlanInput input = test::small_input(2, {"mesh.expert=2"});
  const std::vector<CheckpointTensor> first = saved_by(input, 0);
  std::vector<CheckpointTensor> second = saved_by(input, 1);
  const auto experts = std::find_if(second.begin(), second.end(), [](const CheckpointTensor& t) {
    return t.name == "parameters/encoder/layers/1/moe/wi";
  });
  REQUIRE(experts != second.end());
  SlabLedger ledger;
  ledger.add(0, first);
  const auto fault = [&] {
    ledger.add(1, second);
    return ledger.find_fault();
  };
  SECTION("a gap") {
    experts->write = false;
    CHECK(fault() == "parameters/encoder/layers/1/moe/wi: no slab holds [2, 0, 0]");
  }
  SECTION("an overlap") {
    experts->slab.offset[0] -= 1;
    CHECK_THAT(fault(), Catch::StartsWith("parameters/encoder/layers/1/moe/wi: 2 slabs hold"));
  }
  SECTION("a slab outside") {
    experts->slab.offset[0] += 1;
    CHECK_THAT(fault(), Catch::StartsWith("rank 1 has parameters/encoder/layers/1/moe/wi"));
  }
  SECTION("another shape") {
    experts->global[2] += 1;
    CHECK_THAT(fault(), Catch::StartsWith("rank 1 has parameters/encoder/layers/1/moe/wi"));
  }
  SECTION("a tensor less") {
    second.pop_back();
    CHECK_THAT(fault(), Catch::StartsWith("rank 1 has "));
  }
}

}  // namespace
}  // namespace sy
