// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/regions.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/plan/plan.h"
#include "lib/tensor/memory.h"
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
