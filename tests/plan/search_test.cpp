// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/search.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

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

std::set<int64_t> micro_batches_of(const std::vector<Candidate>& all) {
  std::set<int64_t> sizes;
  for (const Candidate& candidate : all) {
    if (candidate.fault.empty()) sizes.insert(candidate.choice.micro_batch);
  }
  return sizes;
}

TEST_CASE("search: micro-batches step from the smallest, and the configuration's own is tried",
          "[search]") {
  // Groups of three sequences; then the configuration's is 3, and 24, after 16, which does not
  // divide the sequences of a rank.
  CHECK(micro_batches_of(
            search_meshes(test::small_config({"model.experts.group_sequences=3",
                                              "train.global_batch=24", "train.micro_batch=3"}),
                          on_h100(1, 1e9))) == std::set<int64_t>{3, 6, 12, 24});
  CHECK(micro_batches_of(
            search_meshes(test::small_config({"train.global_batch=24", "train.micro_batch=3"}),
                          on_h100(1, 1e9))) == std::set<int64_t>{1, 2, 3, 4, 8});
  CHECK(micro_batches_of(
            search_meshes(test::small_config({"train.global_batch=24", "train.micro_batch=24"}),
                          on_h100(1, 1e9))) == std::set<int64_t>{1, 2, 4, 8, 24});
}

TEST_CASE("search: each mesh is listed once", "[search]") {
  const std::string experts = GENERATE("model.experts.count=0", "model.experts.count=4");
  const std::vector<Candidate> all = search_meshes(test::small_config({experts}), on_h100(4, 1e9));
  std::set<std::string> seen;
  for (const Candidate& candidate : all) {
    CAPTURE(candidate.choice.str());
    CHECK(seen.insert(candidate.choice.str()).second);
    if (experts == "model.experts.count=0") CHECK(candidate.choice.expert == 1);
    if (candidate.choice.model == 4) CHECK(candidate.choice.zero_stage == 0);
  }
}

TEST_CASE("search: an expert axis that does not divide has one row with its reason", "[search]") {
  const std::vector<Candidate> all =
      search_meshes(test::small_config({"model.experts.count=2"}), on_h100(4, 1e9));
  const auto is_four = [](const Candidate& candidate) { return candidate.choice.expert == 4; };
  REQUIRE(std::ranges::count_if(all, is_four) == 1);
  CHECK_THAT(std::ranges::find_if(all, is_four)->fault,
             Catch::StartsWith("mesh.expert: 4 does not divide model.experts.count (2)"));
}

TEST_CASE("search: a fault of all meshes is said once", "[search]") {
  SearchOptions options = on_h100(4, 1e9);
  options.device.bfloat16_flops = 0;
  CHECK_THROWS_WITH(search_meshes(test::small_config({"precision=bfloat16"}), options),
                    Catch::StartsWith("precision: bfloat16: the device H100 has no rate for it"));
}

TEST_CASE("search: too little memory for any mesh is no error of the configuration", "[search]") {
  const std::vector<Candidate> all =
      search_meshes(test::small_config({"model.experts.count=0"}), on_h100(1, 1));
  REQUIRE(!all.empty());
  for (const Candidate& candidate : all) {
    CHECK_THAT(candidate.fault, Catch::StartsWith("needs "));
  }
}

TEST_CASE("search: JSON says what was searched", "[search]") {
  const SearchOptions options = on_h100(2, 1e9);
  const Json json = search_json(search_meshes(test::small_config(), options), options);
  CHECK(json["ranks"] == 2);
  CHECK(json["memory_limit_bytes"] == 1e9);
  CHECK(json["device"] == device_json(options.device));
  CHECK(json["meshes"].size() > 10);
}

TEST_CASE("search: a mesh that divides nothing is refused by name", "[search]") {
  const std::vector<Candidate> all = search_meshes(test::small_config(), on_h100(3, 1e9));
  for (const Candidate& candidate : all) CHECK_FALSE(candidate.fault.empty());
  CHECK_THAT(search_text(all, on_h100(3, 1e9)), Catch::Contains("data.streams: "));
}

}  // namespace
}  // namespace sy
