#include <catch2/catch.hpp>

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
  CHECK(small.err ==
        "error: model.vocab_size: 699 is less than the 700 pieces and sentinels of "
        "data.tokenizer; use auto\n");
  const auto t5 = test::shared_file("data/tokenizer/t5.model");
  if (!t5) return;
  CHECK_THAT(config(*t5, {}).out, Catch::Contains("\n  vocab_size: 32128\n"));
}

TEST_CASE("config: every fault at once, one line each, and exit code 2", "[config]") {
  const auto outcome = run_program(
      {"config", "tests/cli/faulty.yaml", "--set", "train.steps=0", "--set", "modle.d_ff=1"});
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  CHECK(outcome.err == test::read_file(SY_SOURCE_DIR "/tests/cli/faulty.expected.txt"));
}

TEST_CASE("config: the mesh for a number of ranks", "[config]") {
  CHECK(run_program({"config", "configs/bench-512.yaml", "--ranks", "1"}).code == 0);
  const auto outcome = run_program({"config", "configs/bench-512.yaml", "--ranks", "2"});
  CHECK(outcome.code == 2);
  CHECK(outcome.err ==
        "error: train.micro_batch: 8 does not divide a rank's share of the batch, 4 of 8 "
        "sequences; use a divisor of 4, or raise train.global_batch to a multiple of 16\n");
}

TEST_CASE("config: a file that is not there", "[config]") {
  const auto outcome = run_program({"config", "nowhere.yaml"});
  CHECK(outcome.code == 2);
  CHECK(outcome.err ==
        "error: nowhere.yaml: cannot be opened (No such file or directory); check the path\n");
}

TEST_CASE("config: the reference is docs/configuration.md", "[config]") {
  const auto outcome = run_program({"config", "--reference"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out == test::read_file(SY_SOURCE_DIR "/docs/configuration.md"));
}

}  // namespace
}  // namespace sy
