// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/cli/program.h"

namespace sy {
namespace {
using test::run_program;

const std::vector<std::string> kCommands = {"pretrain", "finetune",      "distill", "evaluate",
                                            "infill",   "tokenizer",     "inspect", "bench",
                                            "convert",  "plan",          "doctor",  "config",
                                            "score",    "loglikelihood", "report",  "diagnose"};

TEST_CASE("usage: alone it prints its help and exits 2", "[usage]") {
  const auto alone = run_program({});
  CHECK(alone.code == 2);
  CHECK(alone.err.empty());
  for (const std::string& command : kCommands) {
    CHECK_THAT(alone.out, Catch::Contains("\n  " + command + " "));
  }
  const auto asked = run_program({"--help"});
  CHECK(asked.code == 0);
  CHECK(asked.out == alone.out);
}

TEST_CASE("usage: every command explains itself", "[usage]") {
  for (const std::string& command : kCommands) {
    CAPTURE(command);
    const auto help = run_program({command, "--help"});
    CHECK(help.code == 0);
    CHECK(help.err.empty());
    CHECK_THAT(help.out, Catch::Contains("\nUsage: switchyard " + command + " [OPTIONS]"));
  }
  CHECK_THAT(run_program({"pretrain", "--help"}).out, Catch::Contains("--set KEY=VALUE"));
  CHECK_THAT(run_program({"tokenizer", "show", "--help"}).out, Catch::Contains("--lines"));
  CHECK_THAT(run_program({"inspect", "data", "--help"}).out, Catch::Contains("--first"));
}

TEST_CASE("usage: the version", "[usage]") {
  const auto version = run_program({"--version"});
  CHECK(version.code == 0);
  CHECK_THAT(version.out, Catch::StartsWith("switchyard " SY_VERSION "\ncommit: "));
  const std::string compiler = "\ncompiler: (GCC|Clang) [0-9][^\n]*, [A-Za-z]+";
  const std::string rest =
      "\nprocessor: [a-z0-9-]+\nMPI: [^\n]*[0-9][^\n]*"
      "\nbackends: cpu, cuda (not built|[0-9.]+ \\(NCCL [0-9.]+\\))"
      "\nHDF5: [0-9.]+\noneDNN: [0-9.]+\nSentencePiece: ([0-9.]+|unknown)\n";
  CHECK_THAT(version.out,
             Catch::Matches("switchyard [0-9.]+\ncommit: [0-9a-z-]+" + compiler + rest));
}

TEST_CASE("usage: an error is one line, and exits 2", "[usage]") {
  using Words = std::vector<std::string>;
  using Case = std::pair<Words, Words>;  // arguments, and what the message names
  const auto [arguments, words] = GENERATE(
      Case{{"pretain"}, {"'pretain'", "`switchyard pretrain`"}},
      Case{{"quux"}, {"'quux'", "`switchyard --help`"}},
      Case{{"tokenizer", "shw"}, {"'shw'", "`switchyard tokenizer show`"}},
      Case{{"tokenizer"}, {"subcommand", "`switchyard tokenizer --help`"}},
      Case{{"config"}, {"CONFIG"}}, Case{{"pretrain"}, {"CONFIG", "`switchyard pretrain --help`"}},
      Case{{"config", "--st", "x"}, {"--st", "`switchyard config --help`"}},
      Case{{"tokenizer", "show"}, {"MODEL", "`switchyard tokenizer show --help`"}},
      Case{{"tokenizer", "show", "m"}, {"--text", "--lines"}},
      Case{{"bench", "c.yaml", "--seconds", "nan"},
           {"--seconds: nan is not a number above 0; see"}},
      Case{{"config", "c.yaml", "--ranks", "0"},
           {"--ranks: 0 is not an integer of 1 or more; see"}},
      Case{{"inspect", "data", "c.yaml", "--first=-1"},
           {"--first: -1 is not an integer of 0 or more; see"}},
      Case{{"inspect"}, {"checkpoint", "data CONFIG", "shard FILE"}});
  CAPTURE(arguments);
  const auto outcome = run_program(arguments);
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.starts_with("error: "));
  CHECK(outcome.err.find('\n') + 1 == outcome.err.size());
  for (const std::string& word : words) CHECK_THAT(outcome.err, Catch::Contains(word));
}

TEST_CASE("usage: data that cannot be read exits 3", "[usage]") {
  const auto tokenizer = run_program({"tokenizer", "show", "/nowhere.model", "--text", "a"});
  CHECK(tokenizer.code == 3);
  CHECK_THAT(tokenizer.err, Catch::StartsWith("error: the tokenizer /nowhere.model"));
  const auto checkpoint = run_program({"inspect", "/nowhere"});
  CHECK(checkpoint.code == 3);
  CHECK_THAT(checkpoint.err, Catch::StartsWith("error: /nowhere is not a committed checkpoint"));
  const auto shard = run_program({"inspect", "shard", "/nowhere.json.gz"});
  CHECK(shard.code == 3);
}

}  // namespace
}  // namespace sy
