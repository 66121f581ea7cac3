// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/options.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "lib/generate/generate.h"
#include "tests/generate/table_model.h"

namespace sy {
namespace {
using namespace test;

GenerateOptions sound() {
  GenerateOptions options;
  options.max_length = 5;
  return options;
}

TEST_CASE("options: sound ones have no fault", "[options]") {
  CHECK(find_faults(sound()).empty());
  GenerateOptions edge = sound();
  edge.max_length = edge.batch = edge.beams = 1;
  edge.top_p = 1;
  edge.temperature = 1e-3;
  edge.length_penalty = -2;
  CHECK(find_faults(edge).empty());
}

TEST_CASE("options: each value out of range is named", "[options]") {
  using Case = std::pair<void (*)(GenerateOptions&), std::string>;
  const auto [spoil, name] = GENERATE(
      Case{[](GenerateOptions& o) { o.max_length = 0; }, "--max-length is 0;"},
      Case{[](GenerateOptions& o) { o.batch = -1; }, "--batch is -1;"},
      Case{[](GenerateOptions& o) { o.beams = 0; }, "--beams is 0;"},
      Case{[](GenerateOptions& o) { o.temperature = 0; }, "--temperature is 0;"},
      Case{[](GenerateOptions& o) { o.temperature = NAN; }, "--temperature is nan;"},
      Case{[](GenerateOptions& o) { o.top_p = 0; }, "--top-p is 0;"},
      Case{[](GenerateOptions& o) { o.top_p = 1.01; }, "--top-p is 1.01;"},
      Case{[](GenerateOptions& o) { o.top_p = NAN; }, "--top-p is nan;"},
      Case{[](GenerateOptions& o) { o.length_penalty = INFINITY; }, "--length-penalty is inf;"});
  GenerateOptions options = sound();
  spoil(options);
  const std::vector<std::string> faults = find_faults(options);
  REQUIRE(faults.size() == 1);
  CHECK_THAT(faults[0], Catch::StartsWith(name));
  TableModel model(4, 1);
  CHECK_THROWS_AS(generate(model, {{1}}, options), ConfigError);
}

TEST_CASE("options: all faults at once", "[options]") {
  GenerateOptions options;
  options.temperature = -1;
  CHECK(find_faults(options).size() == 2);
}

}  // namespace
}  // namespace sy
