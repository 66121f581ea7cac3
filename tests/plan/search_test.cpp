// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/search.h"

#include <catch2/catch.hpp>

#include "lib/plan/plan.h"
#include "tests/plan/support.h"

namespace sy {
namespace {

SearchOptions on_h100(int ranks, double memory) {
  return {ranks, 1, memory, find_device("H100")};
}

TEST_CASE("search: what fits comes first, by time, and each other has its reason", "[search]") {
  const RunConfig config = test::small_config();
  const std::vector<Candidate> all = search_meshes(config, on_h100(4, 1e9));
  REQUIRE(!all.empty());
  const auto fits = [](const Candidate& candidate) { return candidate.fault.empty(); };
  CHECK(std::is_partitioned(all.begin(), all.end(), fits));
  for (size_t i = 1; i < all.size() && fits(all[i]); ++i) {
    CHECK(all[i - 1].time.total() <= all[i].time.total());
  }
  const auto count = std::count_if(all.begin(), all.end(), fits);
  CHECK(count > 50);
  for (const Candidate& candidate : all) {
    CHECK(candidate.fault.find('\n') == std::string::npos);
    CHECK(candidate.choice.model * candidate.choice.expert <= 4);
  }
  // With less memory fewer fit, and the others say what they need.
  const Candidate& best = all.front();
  const std::vector<Candidate> small =
      search_meshes(config, on_h100(4, static_cast<double>(best.bytes - 1)));
  CHECK(std::count_if(small.begin(), small.end(), fits) < count);
  CHECK(std::any_of(small.begin(), small.end(), [](const Candidate& candidate) {
    return candidate.fault.starts_with("needs ") && candidate.bytes > 0;
  }));
}

// On a GPU the regions of the device count; on a CPU all of the host's, with what MPI receives and
// the copies that checkpoints are written from.
TEST_CASE("search: what fits is what plan says of it", "[search]") {
  const RunConfig config = test::small_config({"train.checkpoint_every=5"});
  SearchOptions options = on_h100(4, 1e12);
  options.device.gpu = GENERATE(true, false);
  options.device.unplanned_bytes = 1e9;  // whatever the program has by then
  options.device.ranks_per_host = 2;
  for (const Candidate& candidate : search_meshes(config, options)) {
    if (!candidate.fault.empty()) continue;
    CAPTURE(candidate.choice.str());
    RunConfig chosen = config;
    candidate.choice.apply(chosen);
    const PlanInput input = plan_input(chosen, 4, 1, options.device.gpu);
    CHECK(candidate.bytes == make_plan(input, options.device).working_bytes());
  }
}

TEST_CASE("search: micro-batches begin where a routing group fits", "[search]") {
  const RunConfig config =
      test::small_config({"model.experts.group_sequences=4", "train.micro_batch=4"});
  const std::vector<Candidate> all = search_meshes(config, on_h100(2, 1e9));
  CHECK(all.front().fault.empty());
  for (const Candidate& candidate : all) CHECK(candidate.choice.micro_batch >= 4);
}

TEST_CASE("search: a mesh that divides nothing is refused by name", "[search]") {
  const std::vector<Candidate> all = search_meshes(test::small_config(), on_h100(3, 1e9));
  for (const Candidate& candidate : all) CHECK_FALSE(candidate.fault.empty());
  CHECK_THAT(search_text(all, on_h100(3, 1e9)), Catch::Contains("data.streams: "));
}

}  // namespace
}  // namespace sy
