#include <catch2/catch.hpp>

#include "tests/cli/program.h"

namespace sy {
namespace {
using test::run_program;

const std::vector<std::string> kCommands = {"pretrain",  "evaluate", "infill",
                                            "tokenizer", "inspect",  "bench",
                                            "convert",   "doctor",   "config"};

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

TEST_CASE("usage: what is wrong is said in one line, and exits 2", "[usage]") {
  using Case = std::pair<std::vector<std::string>, std::string>;
  const auto [arguments, message] = GENERATE(
      Case{{"pretain"}, "unknown command 'pretain'; did you mean `switchyard pretrain`?"},
      Case{{"quux"}, "unknown command 'quux'; `switchyard --help` lists them"},
      Case{{"tokenizer", "shw"},
           "unknown command 'shw'; did you mean `switchyard tokenizer show`?"},
      Case{{"tokenizer"}, "A subcommand is required; `switchyard tokenizer --help` explains"},
      Case{{"config"}, "CONFIG is missing; name a configuration file"},
      Case{{"pretrain"}, "CONFIG is required; `switchyard pretrain --help` explains"},
      Case{{"config", "--st", "x"},
           "The following argument was not expected: --st; `switchyard config --help` explains"},
      Case{{"tokenizer", "show"}, "MODEL is required; `switchyard tokenizer show --help` explains"},
      Case{{"tokenizer", "show", "m"}, "tokenizer show: nothing to show; give --text or --lines"},
      Case{{"inspect"}, "inspect: name a checkpoint's folder, `data CONFIG` or `shard FILE`"});
  CAPTURE(arguments);
  const auto outcome = run_program(arguments);
  CHECK(outcome.code == 2);
  CHECK(outcome.err == "error: " + message + "\n");
  CHECK(outcome.out.empty());
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
