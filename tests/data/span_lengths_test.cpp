#include "lib/data/span_lengths.h"

#include <simdjson.h>

#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {

TEST_CASE("span_lengths: the published T5 lengths", "[span_lengths]") {
  const SpanLengths base = span_lengths(512, 0.15, 3.0);
  CHECK(base.window_tokens == 568);
  CHECK(base.decoder_length == 114);
  CHECK(base.noise_tokens == 85);
  CHECK(base.spans == 28);
  CHECK(span_lengths(64, 0.20, 2.0).window_tokens == 70);
  CHECK(span_lengths(64, 0.20, 2.0).decoder_length == 22);
  CHECK(span_lengths(64, 0.20, 1.0).window_tokens == 63);
  CHECK(span_lengths(64, 0.20, 1.0).decoder_length == 27);
  CHECK(span_lengths(512, 0.5, 3.0).spans == 128);
}

TEST_CASE("span_lengths: every combination of the reference", "[span_lengths]") {
  const auto path = test::shared_file("vectors/random_spans_helper.json");
  if (!path) return;
  simdjson::dom::parser parser;
  int64_t cases = 0;
  for (simdjson::dom::element item : parser.load(*path)) {
    const int64_t inputs = item["inputs_length"];
    const double density = item["noise_density"], mean = item["mean"];
    const SpanLengths lengths = span_lengths(inputs, density, mean);
    CAPTURE(inputs, density, mean);
    CHECK(lengths.window_tokens == int64_t{item["tokens_length"]});
    CHECK(lengths.decoder_length == int64_t{item["targets_length"]});
    ++cases;
  }
  CHECK(cases > 100);
}

TEST_CASE("span_lengths: values that no window satisfies are the configuration's fault",
          "[span_lengths]") {
  CHECK_THROWS_AS(span_lengths(1, 0.15, 3.0), ConfigError);
  CHECK_THROWS_AS(span_lengths(512, 1.0, 3.0), ConfigError);
  CHECK_THROWS_AS(span_lengths(512, -0.1, 3.0), ConfigError);
  CHECK_THROWS_AS(span_lengths(512, 0.15, 0.0), ConfigError);
}

}  // namespace
}  // namespace sy
