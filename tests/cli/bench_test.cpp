// SPDX-License-Identifier: Apache-2.0
#include <simdjson.h>
#include <catch2/catch.hpp>
#include <chrono>

#include "tests/cli/program.h"
#include "tests/support/sample.h"

namespace sy {
namespace {
using test::run_program;

constexpr const char* kTiny = "tests/cli/small.yaml";

std::vector<std::string> bench(std::vector<std::string> more) {
  std::vector<std::string> arguments = {
      "bench", kTiny, "--json", "--rounds", "2", "--set", "model.vocab_size=256"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST_CASE("bench: a step's figures fit one another", "[bench]") {
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = run_program(bench({"--twin"}));
  const double seconds_from_start =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  simdjson::dom::parser parser;
  const simdjson::dom::element all = parser.parse(outcome.out);
  for (const char* name : {"step", "dense_twin"}) {
    const simdjson::dom::element step = all[name];
    const double seconds = step["step_seconds"], flops = step["model_flops"];
    CHECK(seconds > 0);
    CHECK(double(step["flops_per_second"]) == Approx(flops / seconds).epsilon(1e-3));
    CHECK(double(step["mfu"]) > 0);
    CHECK(double(step["of_product_rate"]) > 0);
    double sum = 0;
    for (const auto& [part, share] : simdjson::dom::object(step["share"])) {
      INFO(part);
      CHECK(double(share) >= 0);
      sum += double(share);
    }
    CHECK(sum == Approx(1).margin(1e-2));
  }
  CHECK(double(all["step_over_dense_twin"]) > 0);
  const simdjson::dom::element memory = all["memory"];
  const int64_t planned = memory["planned"];
  CHECK(planned == int64_t(memory["parameters"]) + int64_t(memory["gradients"]) +
                       int64_t(memory["optimizer"]) + int64_t(memory["activations"]) +
                       int64_t(memory["scratch"]));
  CHECK(int64_t(memory["resident_peak"]) >= int64_t(memory["resident"]));
  CHECK(int64_t(memory["resident_peak"]) < 4 * planned + (int64_t{256} << 20));
  const double first = all["first_step_seconds"];
  CHECK(first > 0);
  CHECK(first < seconds_from_start);
}

TEST_CASE("bench: what it cannot do is said, with exit code 2", "[bench]") {
  const auto part = run_program(bench({"--part", "wheel"}));
  CHECK(part.code == 2);
  CHECK_THAT(part.err, Catch::Contains("--part"));
  const auto rounds = run_program({"bench", kTiny, "--rounds", "0"});
  CHECK(rounds.code == 2);
}

TEST_CASE("bench: the loader beside SentencePiece", "[bench]") {
  const test::Sample& text = test::sample();
  const auto outcome = run_program({"bench", kTiny, "--part", "loader", "--seconds", "1", "--json",
                                    "--set", "data.train=[\"" + text.train + "\"]", "--set",
                                    "data.tokenizer=" + text.tokenizer});
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  simdjson::dom::parser parser;
  const simdjson::dom::element all = parser.parse(outcome.out);
  CHECK(double(all["ratio"]) ==
        Approx(double(all["loader_tokens_per_second"]) / double(all["tokenizer_tokens_per_second"]))
            .epsilon(1e-3));
}

}  // namespace
}  // namespace sy
