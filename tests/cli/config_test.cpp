// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <sstream>

#include "tests/cli/program.h"
#include "tests/support/sample.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using test::run_program;

TEST_CASE("config: prints the resolved configuration and nothing else", "[config]") {
  const auto outcome = run_program({"config", "tests/cli/small.yaml", "--set", "model.d_ff=96"});
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  CHECK(outcome.out == test::read_file(SY_SOURCE_DIR "/tests/cli/small.resolved.yaml"));
}

TEST_CASE("config: what it prints is a configuration that it prints again", "[config]") {
  const std::string path = test::temporary_folder() + "/again.yaml";
  const auto first = run_program({"config", "configs/bench-512.yaml"});
  CHECK_THAT(first.out, Catch::Contains("\n  decoder_length: 114\n  window_tokens: 568\n"));
  test::write_file(path, first.out);
  CHECK(run_program({"config", path}).out == first.out);
}

TEST_CASE("config: the vocabulary follows from the tokenizer", "[config]") {
  const auto config = [](const std::string& model, std::vector<std::string> more) {
    more.insert(more.begin(),
                {"config", "tests/cli/small.yaml", "--set", "data.tokenizer=" + model});
    return run_program(more);
  };
  // 600 pieces and 100 sentinels, to a multiple of 128.
  const auto outcome = config(test::sample().tokenizer, {});
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.out, Catch::Contains("\n  vocab_size: 768\n"));
  const auto small = config(test::sample().tokenizer, {"--set", "model.vocab_size=699"});
  CHECK(small.code == 2);
  CHECK_THAT(small.err,
             Catch::StartsWith("error: model.vocab_size: 699") && Catch::Contains("700"));
  const auto t5 = test::shared_file("data/tokenizer/t5.model");
  if (!t5) return;
  CHECK_THAT(config(*t5, {}).out, Catch::Contains("\n  vocab_size: 32128\n"));
}

TEST_CASE("config: all errors at once, one line each, and exit code 2", "[config]") {
  const auto outcome = run_program(
      {"config", "tests/cli/faulty.yaml", "--set", "train.steps=0", "--set", "modle.d_ff=1"});
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  // Of each line the place, the key, and the value or the key that was meant.
  const std::vector<std::vector<std::string>> expected = {
      {"1:13: run.name: 'a/b'", "run.directory"},
      {"1:24: run.seed: ", "'one'"},
      {"2:1: precison: ", "mean precision?"},
      {"4:12: model.d_model: 0"},
      {"5:12: model.dropout: 1.5"},
      {"6:15: model.activation: 'silu'", "relu, gelu or geglu"},
      {"7:30: model.experts.top_k: 9", "use 1 to 2"},
      {"7:33: model.experts.cuont: ", "mean model.experts.count?"},
      {"9:12: data.streams: 12", "train.global_batch (30)"},
      {"10:3: data.streams: ", "line 9"},
      {"11:10: data.train: ", "'shard.gz'"},
      {"12:8: train.micro_batch: 8", "train.global_batch (30)"},
      {"12:8: train.eval_sequences: 64", "data.streams (12)"},
      {"--set train.steps: 0"},
      {"--set modle.d_ff: ", "mean model.d_ff?"}};
  std::istringstream lines(outcome.err);
  for (size_t i = 0; i < expected.size(); ++i) {
    std::string line;
    REQUIRE(std::getline(lines, line));
    CAPTURE(line);
    const bool in_file = i < 13;
    const std::string place = in_file ? "error: tests/cli/faulty.yaml:" : "error: ";
    CHECK(line.starts_with(place + expected[i].front()));
    for (const std::string& word : expected[i]) CHECK_THAT(line, Catch::Contains(word));
  }
  std::string more;
  CHECK_FALSE(std::getline(lines, more));
}

TEST_CASE("config: the mesh for a number of ranks", "[config]") {
  CHECK(run_program({"config", "configs/bench-512.yaml", "--ranks", "1"}).code == 0);
  const auto outcome = run_program({"config", "configs/bench-512.yaml", "--ranks", "2"});
  CHECK(outcome.code == 2);
  CHECK_THAT(outcome.err, Catch::StartsWith("error: train.micro_batch: 8") &&
                              Catch::Contains("4 of 8") && Catch::Contains("multiple of 16"));
}

TEST_CASE("config: a file that is not there", "[config]") {
  const auto outcome = run_program({"config", "nowhere.yaml"});
  CHECK(outcome.code == 2);
  CHECK_THAT(outcome.err, Catch::StartsWith("error: nowhere.yaml: ") &&
                              Catch::Contains("No such file or directory"));
}

TEST_CASE("config: the reference is docs/configuration.md", "[config]") {
  const auto outcome = run_program({"config", "--reference"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out == test::read_file(SY_SOURCE_DIR "/docs/configuration.md"));
}

}  // namespace
}  // namespace sy
