// SPDX-License-Identifier: Apache-2.0
// Each planted race is reported under every schedule, and its twin runs through.
#include <cstdlib>
#include <regex>

#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/tests/correct_kernels.h"
#include "tests/hostcuda/tests/racing_kernels.h"
#include "tests/hostcuda/tests/support.h"

namespace sy::test {
namespace {

Outcome outcome_of(Racing kind, bool right, const hostcuda::Schedule& schedule) {
  return in_child([&] {
    hostcuda::set_schedule(schedule);
    const Stream stream;
    const Device<int> in(counting<int>(128)), out(std::vector<int>(128, 0));
    race(stream, out, in, kind, right);
    stream.wait();
  });
}

TEST_CASE("races: each planted one is reported, its twin is not", "[races]") {
  for (int kind = 0; kind < kRacing; ++kind) {
    for (const hostcuda::Schedule& schedule : every_schedule()) {
      INFO("race " << kind << ", " << describe(schedule));
      const Outcome wrong = outcome_of(static_cast<Racing>(kind), false, schedule);
      CHECK(wrong.exit_code == hostcuda::kFaultExitCode);
      CHECK_THAT(wrong.text, Catch::Contains("kernel race, block (") &&
                                 Catch::Contains("nothing orders the two"));
      const Outcome right = outcome_of(static_cast<Racing>(kind), true, schedule);
      CHECK(right.exit_code == 0);
      CHECK(right.text.empty());
    }
  }
}

TEST_CASE("races: a report names both accesses", "[races]") {
  const Outcome between = outcome_of(Racing::one_word, false, {});
  CHECK(std::regex_search(
      between.text,
      std::regex(
          "kernel race, block \\(1, 0, 0\\), thread \\(0, 0, 0\\) writes byte 0 of an allocation "
          "of 512 bytes in .*, which thread \\(0, 0, 0\\) of block \\(0, 0, 0\\) writes in .*")));
  const Outcome within = outcome_of(Racing::no_barrier, false, {});
  CHECK(std::regex_search(
      within.text,
      std::regex("thread \\(\\d+, 0, 0\\) (reads|writes) byte \\d+ of the block's shared "
                 "memory in .*, which thread \\(\\d+, 0, 0\\) (reads|writes) in .*")));
  if (std::system("addr2line --version >/dev/null 2>&1") != 0) return;
  CHECK_THAT(within.text, Catch::Contains("racing_kernels.cu:"));
}

TEST_CASE("races: correct kernels run through", "[races]") {
  for (const hostcuda::Schedule& schedule : every_schedule()) {
    INFO(describe(schedule));
    const Outcome outcome = in_child([&] {
      hostcuda::set_schedule(schedule);
      const Stream stream;
      const Device<int> ints(counting<int>(256)), bins(std::vector<int>(258, 0));
      const Device<float> floats(std::vector<float>(256, 1.0f)), sums(256);
      block_sums(stream, sums, floats, 2, 128);
      scan_shared(stream, sums, floats, 128);
      add_scaled(stream, sums, 2, floats, 128);
      scan_warps(stream, bins, ints, 128);
      histogram(stream, bins, bins + 256, bins + 257, ints, 256);
      stream.wait();
    });
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.text.empty());
  }
}

}  // namespace
}  // namespace sy::test
