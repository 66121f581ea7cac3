// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/rehearsal.h"

#include <catch2/catch.hpp>

#include "tests/plan/support.h"

namespace sy {
namespace {

// The experts are spread over the data ranks.
constexpr MeshShape kMesh{4, 2, 2};

// What a rank of the tiny model calls.
struct Recorded {
  CallLedger ledger{kMesh.ranks};

  Recorded() {
    const PlanInput input = test::small_input(kMesh.ranks, {"mesh.model=2", "mesh.expert=2"});
    for (int rank = 0; rank < kMesh.ranks; ++rank) {
      LedgerListener listener(ledger, rank, /*compare_rows=*/true);
      RankPlan(input, rank, &listener);
    }
  }
  std::string fault() const { return find_call_fault(ledger, kMesh); }

  // The first call of this rank whose description has `text`.
  size_t find(int rank, const std::string& text) const {
    const std::vector<LedgerCall>& calls = ledger.calls(rank);
    for (size_t i = 0; i < calls.size(); ++i) {
      if (ledger.describe(calls[i]).find(text) != std::string::npos) return i;
    }
    FAIL("no call with " << text);
    return 0;
  }
};

TEST_CASE("rehearsal: a planned mesh gets through", "[rehearsal]") {
  const Recorded recorded;
  CHECK(recorded.ledger.calls(0).size() > 50);
  CHECK(recorded.fault().empty());
}

TEST_CASE("rehearsal: a call that one rank leaves out is a deadlock", "[rehearsal]") {
  Recorded recorded;
  const size_t at = recorded.find(1, "'norm");
  std::vector<LedgerCall>& calls = recorded.ledger.calls(1);
  calls.erase(calls.begin() + static_cast<std::ptrdiff_t>(at), calls.end());
  const std::string fault = recorded.fault();
  CAPTURE(fault);
  CHECK_THAT(fault, Catch::StartsWith("a deadlock: rank "));
  CHECK_THAT(fault, Catch::Contains(fmt::format("rank 1 has ended after {} calls", at)));
}

// Ranks 0 and 1, 2 and 3 are model groups; ranks 0 and 2, 1 and 3 share out experts.
TEST_CASE("rehearsal: another order of two groups is a deadlock if it closes a circle",
          "[rehearsal]") {
  Recorded recorded;
  size_t at = 0;
  while (recorded.ledger.calls(0)[at].group == recorded.ledger.calls(0)[at + 1].group) ++at;
  const auto swap_calls = [&](int rank) {
    std::vector<LedgerCall>& calls = recorded.ledger.calls(rank);
    std::swap(calls[at], calls[at + 1]);
  };
  swap_calls(2);  // the others come by in time
  CHECK(recorded.fault().empty());
  swap_calls(1);  // 0 waits for 1, 1 for 3, 3 for 2, 2 for 0
  const std::string fault = recorded.fault();
  CAPTURE(fault);
  CHECK_THAT(fault, Catch::StartsWith(fmt::format("a deadlock: rank 0 is in its call {}", at + 1)));
  CHECK_THAT(fault, Catch::Contains(fmt::format("; rank 1 is in its call {}", at + 1)));
}

TEST_CASE("rehearsal: the first call that differs is named", "[rehearsal]") {
  Recorded recorded;
  const size_t at = recorded.find(3, "'embedding'");
  const std::string right = recorded.ledger.describe(recorded.ledger.calls(3)[at]);
  const auto [collective, label, dtype, count] =
      GENERATE(std::tuple<const char*, const char*, DType, int64_t>{"all_reduce_max", "embedding",
                                                                    DType::f32, 1024},
               std::tuple<const char*, const char*, DType, int64_t>{"all_reduce_sum", "embeddings",
                                                                    DType::f32, 1024},
               std::tuple<const char*, const char*, DType, int64_t>{"all_reduce_sum", "embedding",
                                                                    DType::f64, 1024},
               std::tuple<const char*, const char*, DType, int64_t>{"all_reduce_sum", "embedding",
                                                                    DType::f32, 992});
  REQUIRE(right == "all_reduce_sum 'embedding' over model: 1024 x float32");
  PlannedCall wrong;
  wrong.group = "model";
  wrong.ranks = 2;
  wrong.collective = collective;
  wrong.label = label;
  wrong.dtype = dtype;
  wrong.count = count;
  recorded.ledger.add(3, wrong, true);
  std::vector<LedgerCall>& calls = recorded.ledger.calls(3);
  calls[at] = calls.back();
  calls.pop_back();
  CHECK(recorded.fault() ==
        fmt::format("calls differ: rank 2 is in its call {0}, {1}, while rank 3 is in its call "
                    "{0}, {2} '{3}' over model: {4} x {5}",
                    at + 1, right, collective, label, count, name_of(dtype)));
}

TEST_CASE("rehearsal: pieces must be the same", "[rehearsal]") {
  CallLedger ledger(2);
  const std::vector<RowRange> whole{{0, 6}, {6, 2}}, other{{0, 5}, {5, 3}};
  PlannedCall call;
  call.group = "data";
  call.ranks = 2;
  call.collective = "all_gather";
  call.label = "values";
  call.count = 8;
  call.pieces = whole;
  ledger.add(0, call, true);
  SECTION("alike") {
    ledger.add(1, call, true);
    CHECK(find_call_fault(ledger, {2, 1, 1}).empty());
  }
  SECTION("different") {
    call.pieces = other;
    ledger.add(1, call, true);
    CHECK_THAT(find_call_fault(ledger, {2, 1, 1}), Catch::StartsWith("calls differ: rank 0"));
  }
}

TEST_CASE("rehearsal: what a rank sends the other expects", "[rehearsal]") {
  // Rank 0 sends 3 rows to rank 1 and keeps 2; rank 1 sends 4 and keeps 1.
  const std::vector<RowRange> sends0{{0, 2}, {2, 3}}, receives0{{0, 2}, {2, 4}};
  const std::vector<RowRange> sends1{{0, 4}, {4, 1}};
  std::vector<RowRange> receives1{{0, 3}, {3, 1}};
  const auto check = [&](bool compare_rows) {
    CallLedger ledger(2);
    PlannedCall call;
    call.group = "expert";
    call.ranks = 2;
    call.collective = "all_to_all_rows";
    call.label = "dispatch";
    call.count = 32;
    call.sends = sends0;
    call.receives = receives0;
    ledger.add(0, call, compare_rows);
    call.sends = sends1;
    call.receives = receives1;
    ledger.add(1, call, compare_rows);
    return find_call_fault(ledger, {2, 1, 2});
  };
  CHECK(check(true).empty());
  receives1[0].count = 2;
  CHECK(check(true) ==
        "rows differ: rank 0 sends 3 in block 0 to rank 1, which expects 2; rank 1 is in its call "
        "1, all_to_all_rows 'dispatch' over expert: 32 x float32");
  CHECK(check(false).empty());  // dropless: bounds, which need not match
}

}  // namespace
}  // namespace sy
