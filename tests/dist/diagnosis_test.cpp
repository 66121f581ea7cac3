// SPDX-License-Identifier: Apache-2.0
// What records say, for every cause, on records made by hand.
#include "lib/dist/flight/diagnosis.h"

#include <catch2/catch.hpp>

#include "lib/dist/flight/diagnosis_json.h"

namespace sy::flight {
namespace {
using Catch::Matchers::Contains;
using Catch::Matchers::Equals;
using Catch::Matchers::StartsWith;

const GroupKey kWorld{"world", "mpi", {0, 1, 2}}, kPair{"expert", "mpi", {1, 2}};

// Three ranks on hosts h0, h1, h2, each of which has ended call 1 of the world at time 101.
class Ranks {
 public:
  Ranks() {
    records_.folder = "runs/x/flight/1-1";
    for (int rank = 0; rank < 3; ++rank) {
      records_.ranks.push_back({{fmt::format("h{}", rank), 100 + rank}, RankRecord{}});
      RankRecord& record = of(rank);
      record.reason = "asked";
      record.step = 7;
      record.time = 110;
      add(rank, kWorld, {.label = "step facts", .number = 1, .step = 6, .ended = 101});
    }
  }

  RankRecord& of(int rank) { return *records_.ranks[static_cast<size_t>(rank)].record; }
  void lose(int rank, bool is_unreadable = false) {
    records_.ranks[static_cast<size_t>(rank)].record.reset();
    records_.ranks[static_cast<size_t>(rank)].is_unreadable = is_unreadable;
  }

  void forget_place(int rank) { records_.ranks[static_cast<size_t>(rank)].place = {}; }

  void add(int rank, const GroupKey& group, RecordedCall call) {
    if (call.collective.empty()) call.collective = "all_reduce_sum";
    call.dtype = "float32";
    call.begun = 100;
    RecordedGroup& to = of(rank).groups[group];
    to.begun = call.number;
    to.calls[call.number] = call;
  }
  // Rank waits since time 102 in call 2 of the world.
  void wait(int rank, const std::string& label = "losses") {
    add(rank, kWorld, {.label = label, .count = 4, .number = 2, .step = 7, .waited = 102});
  }

  Diagnosis diagnose() const { return flight::diagnose(records_); }
  const FlightRecords& records() const { return records_; }

 private:
  FlightRecords records_;
};

TEST_CASE("diagnosis: ranks without a record are missing", "[diagnosis]") {
  Ranks ranks;
  ranks.wait(0);
  ranks.wait(1);
  ranks.lose(2);
  Diagnosis one = ranks.diagnose();
  CHECK(one.cause == Cause::missing);
  CHECK(one.ranks == std::vector<int>{2});
  CHECK_THAT(one.verdict,
             Equals("rank 2 (h2, pid 102) has no record: it was killed, is stopped, or its host is "
                    "gone; ranks 0, 1 waited in all_reduce_sum \"losses\" (call 2 of group world) "
                    "at step 7"));
  REQUIRE(one.divergence);
  CHECK(one.divergence->number == 2);
  CHECK(one.divergence->absent == std::vector<int>{2});
  ranks.lose(1);
  CHECK_THAT(ranks.diagnose().verdict,
             Contains("ranks 1, 2 (1 on h1, pid 101; 2 on h2, pid 102) have no record"));
}

TEST_CASE("diagnosis: of a rank that left nothing the host may not be known", "[diagnosis]") {
  Ranks ranks;
  ranks.wait(0);
  ranks.lose(1);
  ranks.lose(2);
  ranks.forget_place(2);
  CHECK_THAT(ranks.diagnose().verdict,
             StartsWith("ranks 1, 2 (1 on h1, pid 101; 2 on a host that is not known) have no"));
  CHECK(diagnosis_json(ranks.records(), ranks.diagnose())["states"][2]["pid"].is_null());
}

TEST_CASE("diagnosis: a rank whose record cannot be read is accused only if nobody is missing",
          "[diagnosis]") {
  Ranks ranks;
  ranks.wait(0);
  ranks.lose(1, /*is_unreadable=*/true);
  SECTION("another is missing") {
    ranks.lose(2);
    CHECK(ranks.diagnose().ranks == std::vector<int>{2});
  }
  SECTION("nobody is") {
    ranks.wait(2);
    CHECK(ranks.diagnose().ranks == std::vector<int>{1});
    CHECK_THAT(ranks.diagnose().verdict,
               StartsWith("rank 1 (h1, pid 101) has no record that can be read, so what happened "
                          "there is not known; ranks 0, 2 waited in"));
  }
}

TEST_CASE("diagnosis: an error comes before those whom it ended", "[diagnosis]") {
  Ranks ranks;
  ranks.wait(0);
  ranks.lose(1);
  ranks.of(2).reason = "failure";
  ranks.of(2).message = "c4.json.gz is cut off";
  const Diagnosis found = ranks.diagnose();
  CHECK(found.cause == Cause::failed);
  CHECK(found.ranks == std::vector<int>{2});
  CHECK_THAT(found.verdict, Contains("rank 2 (h2, pid 102) failed at step 7: c4.json.gz is cut "
                                     "off; rank 0 waited in"));
}

TEST_CASE("diagnosis: an error in a collective is that of a missing rank", "[diagnosis]") {
  Ranks ranks;
  ranks.wait(0);
  ranks.of(0).reason = "failure";
  ranks.of(0).message = "connection reset";
  ranks.wait(1);
  SECTION("which is missing") {
    ranks.lose(2);
    CHECK(ranks.diagnose().ranks == std::vector<int>{2});
    CHECK(ranks.diagnose().cause == Cause::missing);
  }
  SECTION("unless nothing else is wrong") {
    ranks.wait(2);
    CHECK(ranks.diagnose().cause == Cause::failed_inside);
    CHECK_THAT(ranks.diagnose().verdict,
               Contains("rank 0 (h0, pid 100) failed") && Contains("connection reset"));
  }
}

TEST_CASE("diagnosis: an error that all meet is said once", "[diagnosis]") {
  Ranks ranks;
  for (int rank = 0; rank < 3; ++rank) {
    ranks.of(rank).reason = "failure";
    ranks.of(rank).message = "loss is not finite";
  }
  CHECK_THAT(ranks.diagnose().verdict, Equals("every rank failed at step 7: loss is not finite"));
}

TEST_CASE("diagnosis: a rank that stood still is not acquitted by going on", "[diagnosis]") {
  Ranks ranks;
  ranks.wait(0);
  ranks.wait(2);
  ranks.of(1).paused = 8;
  SECTION("while others waited") {
    ranks.of(1).paused_until = 109;
    CHECK(ranks.diagnose().cause == Cause::paused);
    CHECK_THAT(ranks.diagnose().verdict, Contains("rank 1 (h1, pid 101) did not run for 8.0 s"));
  }
  SECTION("but before they waited it does not matter") {
    ranks.of(1).paused_until = 101.5;
    CHECK(ranks.diagnose().cause == Cause::elsewhere);
  }
}

TEST_CASE("diagnosis: the first call that differs is named", "[diagnosis]") {
  Ranks ranks;
  ranks.wait(0);
  ranks.wait(1, "router counts");
  ranks.wait(2);
  const Diagnosis found = ranks.diagnose();
  CHECK(found.cause == Cause::other_calls);
  CHECK(found.ranks == std::vector<int>{1});
  CHECK_THAT(found.verdict,
             Equals("the ranks of group world make different calls from call 2 on: rank 1 (h1, pid "
                    "101) made all_reduce_sum \"router counts\" of 4 float32, ranks 0, 2 made "
                    "all_reduce_sum \"losses\" of 4 float32, at step 7"));
}

TEST_CASE("diagnosis: a rank outside of collectives is who all wait for", "[diagnosis]") {
  Ranks ranks;
  ranks.wait(0);
  // Rank 1 waits for rank 2 too, but in another group.
  ranks.add(1, kPair,
            {.collective = "all_to_all",
             .label = "encoder/layers/3/moe dispatch",
             .number = 5,
             .step = 7,
             .waited = 101.5});
  const Diagnosis found = ranks.diagnose();
  CHECK(found.cause == Cause::elsewhere);
  CHECK(found.ranks == std::vector<int>{2});
  CHECK_THAT(found.verdict,
             Contains("rank 2 (h2, pid 102) is in no collective for 9.0 s, since all_reduce_sum "
                      "\"step facts\" (call 1 of group world), at step 7"));
  REQUIRE(found.divergence);  // of the call that was waited in first
  CHECK(found.divergence->group == kPair);
  const Json json = diagnosis_json(ranks.records(), found);
  CHECK(json["cause"] == "elsewhere");
  CHECK(json["divergence"]["layer"] == "encoder/layers/3");
  CHECK(json["states"][1]["waiting"]["for_ranks"] == std::vector<int>{2});
  CHECK(json["states"][0]["waiting"]["layer"].is_null());
  CHECK(json["states"][0]["waiting"]["seconds"] == 8.0);
}

TEST_CASE("diagnosis: a call that was issued but not waited in keeps others waiting",
          "[diagnosis]") {
  Ranks ranks;
  ranks.wait(0);
  ranks.wait(1);
  ranks.add(2, kWorld, {.label = "losses", .count = 4, .number = 2, .step = 7});
  CHECK(ranks.diagnose().ranks == std::vector<int>{2});
  CHECK(ranks.diagnose().cause == Cause::elsewhere);
}

TEST_CASE("diagnosis: a call that was forgotten keeps nobody waiting", "[diagnosis]") {
  Ranks ranks;
  ranks.wait(0);
  ranks.wait(1);
  ranks.add(2, kWorld, {.label = "step facts", .number = 1030, .step = 7, .ended = 105});
  CHECK(ranks.diagnose().ranks == std::vector<int>{2});  // a record without call 2 alone
  ranks.of(2).groups[kWorld].calls.erase(1);
  const Diagnosis found = ranks.diagnose();
  CHECK(found.cause == Cause::stuck);
  REQUIRE(found.waiting[0]);
  CHECK(found.waiting[0]->for_ranks.empty());
}

TEST_CASE("diagnosis: ranks that wait for each other", "[diagnosis]") {
  Ranks ranks;
  ranks.wait(0);
  ranks.wait(1);
  ranks.add(2, kPair, {.label = "counts", .number = 5, .step = 7, .waited = 102});
  CHECK(ranks.diagnose().cause == Cause::circle);
  CHECK_THAT(
      ranks.diagnose().verdict,
      Contains("rank 1 in all_reduce_sum \"losses\" (call 2 of group world) for rank 2; rank "
               "2 in all_reduce_sum \"counts\" (call 5 of group expert) for rank 1"));
}

TEST_CASE("diagnosis: everyone in one call, and nobody in any", "[diagnosis]") {
  Ranks ranks;
  CHECK(ranks.diagnose().cause == Cause::ended);
  CHECK_FALSE(ranks.diagnose().divergence);
  for (int rank = 0; rank < 3; ++rank) ranks.wait(rank);
  CHECK(ranks.diagnose().cause == Cause::stuck);
  CHECK_THAT(ranks.diagnose().verdict, Contains("ranks 0-2 waited in") && Contains("is stuck"));
}

TEST_CASE("diagnosis: layers and ranks in words", "[diagnosis]") {
  CHECK(label_of(kPair) == "expert");
  CHECK(label_of({"data", "mpi", {0, 1}, 1}) == "data #2");
  CHECK(layer_of("decoder/layers/11/moe combine") == "decoder/layers/11");
  CHECK(layer_of("encoder/layers/2") == "encoder/layers/2");
  CHECK(layer_of("gradients").empty());
  CHECK(ranks_text({4}) == "rank 4");
  CHECK(ranks_text({0, 1, 2, 5, 7, 8}) == "ranks 0-2, 5, 7, 8");
  CHECK_THAT(ranks_text({0, 2, 4, 6, 8, 10, 12, 14, 16}),
             Equals("ranks 0, 2, 4, 6, 8, 10, 12, 14, ..."));
}

}  // namespace
}  // namespace sy::flight
