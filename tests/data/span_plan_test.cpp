// SPDX-License-Identifier: Apache-2.0
#include "lib/base/span_plan.h"

#include <simdjson.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <set>

#include "lib/base/error.h"
#include "lib/data/span_corruption.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {

TEST_CASE("span_plan: the published T5 lengths", "[span_plan]") {
  const SpanPlan base = span_plan(512, 0.15, 3.0);
  CHECK(base.window_tokens == 568);
  CHECK(base.decoder_length == 114);
  CHECK(base.noise_tokens == 85);
  CHECK(base.spans == 28);
  CHECK(base.kept_tokens == 483);
  CHECK(base.inputs == 512);
  CHECK(base.targets == 114);
  CHECK(span_plan(64, 0.20, 2.0).window_tokens == 70);
  CHECK(span_plan(64, 0.20, 2.0).decoder_length == 22);
  CHECK(span_plan(64, 0.20, 1.0).window_tokens == 63);
  CHECK(span_plan(64, 0.20, 1.0).decoder_length == 27);
  CHECK(span_plan(512, 0.5, 3.0).spans == 128);
}

// T5's helper counts no span where less than half of one is masked; a mask always has one.
TEST_CASE("span_plan: every combination of the reference that has a span", "[span_plan]") {
  const auto path = test::shared_file("vectors/random_spans_helper.json");
  if (!path) return;
  simdjson::dom::parser parser;
  int64_t cases = 0, without_span = 0;
  for (simdjson::dom::element item : parser.load(*path)) {
    const int64_t inputs = item["inputs_length"];
    const double density = item["noise_density"], mean = item["mean"];
    const SpanPlan plan = span_plan(inputs, density, mean);
    const int64_t window = item["tokens_length"], targets = item["targets_length"];
    CAPTURE(inputs, density, mean);
    if (targets == std::llrint(static_cast<double>(window) * density) + 1) {
      CHECK(plan.inputs <= inputs);
      ++without_span;
      continue;
    }
    CHECK(plan.window_tokens == window);
    CHECK(plan.decoder_length == targets);
    ++cases;
  }
  CHECK(cases > 100);
  CHECK(without_span == 3);
}

struct Lengths {
  int64_t window, decoder;
  bool operator==(const Lengths&) const = default;
};

// T5's random_spans_helper as it is published: half to even in float64.
Lengths t5_helper(int64_t inputs, double density, double mean) {
  const auto noise = [&](int64_t t) { return std::llrint(static_cast<double>(t) * density); };
  const auto spans = [&](int64_t t) { return std::llrint(static_cast<double>(noise(t)) / mean); };
  int64_t t = inputs - 1;
  while (t + 1 - noise(t + 1) + spans(t + 1) + 1 <= inputs) ++t;
  Lengths lengths{t, noise(t) + spans(t) + 1};
  if (density == 0.5 && lengths.decoder > inputs) lengths = {t - 1, lengths.decoder - 1};
  return lengths;
}

// Lengths that the corruption makes of windows of `window` tokens: a mask is made and counted.
struct Made {
  int64_t inputs, targets, noise, spans;
};
Made corrupt(int64_t window, double density, double mean) {
  const std::vector<uint8_t> mask = noise_mask(window, density, mean, 1, 7);
  const std::vector<int32_t> tokens(static_cast<size_t>(window), 5);
  std::vector<int32_t> inputs, targets;
  const std::vector<int32_t> sentinels(static_cast<size_t>(window), 1 << 20);
  noise_span_to_unique_sentinel(inputs, tokens, mask, sentinels);
  nonnoise_span_to_unique_sentinel(targets, tokens, mask, sentinels);
  const auto noise = std::accumulate(mask.begin(), mask.end(), int64_t{0});
  const auto made = static_cast<int64_t>(targets.size());
  return {static_cast<int64_t>(inputs.size()) + 1, made + 1, noise, made - noise};
}

TEST_CASE("span_plan: every length fits the corruption that is made", "[span_plan]") {
  struct Case {
    double density, mean;
    std::set<int64_t> too_short_before;  // some of the lengths at which T5's own do not fit
    size_t before;                       // and how many there are
  };
  const auto& [density, mean, some, before] =
      GENERATE(Case{0.15, 3, {172, 316, 352, 604, 640, 1180}, 18}, Case{0.5, 3, {}, 0},
               Case{0.15, 1, {191, 1311}, 18}, Case{0.15, 10, {16, 32, 1238}, 18});
  std::set<int64_t> did_not_fit;
  for (int64_t length = 16; length <= 2048; ++length) {
    CAPTURE(length, density, mean);
    const SpanPlan plan = span_plan(length, density, mean);
    const Made made = corrupt(plan.window_tokens, density, mean);
    REQUIRE(plan.inputs <= length);
    REQUIRE(made.inputs == plan.inputs);
    REQUIRE(made.targets == plan.targets);
    REQUIRE(made.noise == plan.noise_tokens);
    REQUIRE(made.spans == plan.spans);
    REQUIRE(plan.kept_tokens + plan.noise_tokens == plan.window_tokens);
    REQUIRE(plan.decoder_length >= plan.targets);
    if (density != 0.5) REQUIRE(plan.decoder_length == plan.targets);
    const Lengths t5 = t5_helper(length, density, mean);
    const Made of_t5 = corrupt(t5.window, density, mean);
    if (of_t5.inputs <= length && of_t5.targets <= t5.decoder) {
      REQUIRE(Lengths{plan.window_tokens, plan.decoder_length} == t5);
    } else {
      did_not_fit.insert(length);
    }
  }
  CHECK(did_not_fit.size() == before);
  CHECK(std::includes(did_not_fit.begin(), did_not_fit.end(), some.begin(), some.end()));
}

TEST_CASE("span_plan: short sequences too", "[span_plan]") {
  for (int64_t length = 3; length < 16; ++length) {
    const SpanPlan plan = span_plan(length, 0.15, 3.0);
    const Made made = corrupt(plan.window_tokens, 0.15, 3.0);
    CHECK(made.inputs <= length);
    CHECK(made.targets == plan.decoder_length);
  }
}

TEST_CASE("span_plan: values that no window satisfies are the configuration's fault",
          "[span_plan]") {
  CHECK_THROWS_AS(span_plan(2, 0.15, 3.0), ConfigError);
  CHECK_THROWS_AS(span_plan(512, 1.0, 3.0), ConfigError);
  CHECK_THROWS_AS(span_plan(512, -0.1, 3.0), ConfigError);
  CHECK_THROWS_AS(span_plan(512, 0.15, 0.5), ConfigError);
}

}  // namespace
}  // namespace sy
