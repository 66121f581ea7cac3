// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <cstdlib>

#include "tests/cli/program.h"
#include "tests/support/shared_files.h"

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
      Case{{"--nope"}, {"unknown option '--nope'", "`switchyard --help`"}},
      Case{{"-x", "config"}, {"unknown option '-x'"}},
      Case{{"tokenizer", "--nope=3"}, {"unknown option '--nope'", "`switchyard tokenizer --help`"}},
      Case{{"tokenizer", "shw"}, {"'shw'", "`switchyard tokenizer show`"}},
      Case{{"tokenizer"}, {"subcommand", "`switchyard tokenizer --help`"}},
      Case{{"config"}, {"CONFIG"}}, Case{{"pretrain"}, {"CONFIG", "`switchyard pretrain --help`"}},
      Case{{"config", "--st", "x"}, {"--st", "`switchyard config --help`"}},
      Case{{"tokenizer", "show"}, {"MODEL", "`switchyard tokenizer show --help`"}},
      Case{{"tokenizer", "show", "m"}, {"--text", "--lines"}},
      Case{{"inspect"}, {"checkpoint", "data CONFIG", "shard FILE"}},
      Case{{"infill", "--strategy", "foo"},
           {"--strategy: 'foo' is not one of the choices; use greedy, sample or beam"}},
      Case{{"infill", "--strategy", "1"}, {"--strategy: '1' is not"}},
      Case{{"convert", "--from", "tf", "--to", "hf", "a", "b"},
           {"--from: 'tf' is not one of the choices; use hf or switchyard"}},
      Case{{"convert", "--from", "hf", "--to", "hugging", "a", "b"},
           {"--to: 'hugging' is not one of the choices; use hf or switchyard"}},
      Case{{"convert", "--from", "hf", "--to", "hf", "--dtype", "int8", "a", "b"},
           {"--dtype: 'int8' is not one of the choices; use float32, bfloat16 or float16"}},
      Case{{"bench", "x.yaml", "--part", "wheel"},
           {"--part: 'wheel' is not one of the choices; use step, experts or loader"}},
      Case{{"bench", "x.yaml", "--data", "none"},
           {"--data: 'none' is not one of the choices; use synthetic or real"}},
      Case{{"bench", "c.yaml", "--seconds", "nan"},
           {"--seconds: nan is not a number above 0; see"}},
      Case{{"config", "c.yaml", "--ranks", "0"},
           {"--ranks: 0 is not an integer of 1 or more; see"}},
      Case{{"inspect", "data", "c.yaml", "--first=-1"},
           {"--first: -1 is not an integer of 0 or more; see"}});
  CAPTURE(arguments);
  const auto outcome = run_program(arguments);
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.starts_with("error: "));
  CHECK(outcome.err.find('\n') + 1 == outcome.err.size());
  for (const std::string& word : words) CHECK_THAT(outcome.err, Catch::Contains(word));
}

TEST_CASE("usage: options without effect, and values out of range", "[usage]") {
  using Words = std::vector<std::string>;
  using Case = std::pair<Words, std::string>;  // arguments, and how the message begins
  const Words bench{"bench", "x.yaml"}, compare{"doctor", "compare", "x"}, node{"doctor", "node"};
  const auto [command, more] = GENERATE_COPY(table<Words, Case>({
      {bench, {{"--seconds", "3"}, "--seconds applies to --part loader only"}},
      {bench, {{"--expert-ranks", "2"}, "--expert-ranks applies to --part experts only"}},
      {bench, {{"--part", "experts", "--twin"}, "--twin applies to --part step only"}},
      {bench, {{"--part", "loader", "--data", "real"}, "--data applies to --part step only"}},
      {bench, {{"--part", "loader", "--rounds", "3"}, "--rounds applies to --part step and"}},
      {{"tokenizer", "show", "bytes", "--text", "a"},
       {{"--extra-ids", "-1"}, "--extra-ids: -1 is out of range; give how many"}},
      {compare, {{"--least-rate", "-3"}, "--least-rate: -3 is out of range; give a share"}},
      {compare, {{"--least-disk-rate", "2"}, "--least-disk-rate: 2 is out of range"}},
      {compare, {{"--most-foreign-cores", "nan"}, "--most-foreign-cores: nan is out of range"}},
      {compare, {{"--nodes", ""}, "--nodes: a name is empty; give the names of all nodes"}},
      {node, {{"--most-foreign-cores", "-1"}, "--most-foreign-cores: -1 is out of range"}},
      {node, {{"--least-free-bytes", "-5"}, "--least-free-bytes: -5 is out of range; give a"}},
  }));
  Words arguments = command;
  arguments.insert(arguments.end(), more.first.begin(), more.first.end());
  CAPTURE(arguments);
  const auto outcome = run_program(arguments);
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  CHECK_THAT(outcome.err, Catch::StartsWith("error: " + more.second));
  CHECK(outcome.err.find('\n') + 1 == outcome.err.size());
}

TEST_CASE("usage: quickstart.sh names what it does not know", "[usage]") {
  const auto run = [](const std::string& words) {
    const std::string said = test::temporary_folder() + "/said";
    const std::string line =
        "bash " SY_SOURCE_DIR "/quickstart.sh " + words + " >" + said + " 2>&1";
    const int status = std::system(line.c_str());
    return std::pair(WEXITSTATUS(status), test::read_file(said));
  };
  const std::string unknown =
      "quickstart.sh: unknown option '--x'; it takes sentences, or --help\n";
  CHECK(run("--x") == std::pair(2, unknown));
  CHECK(run("'The <extra_id_0> barks.' --x") == std::pair(2, unknown));
  const auto [code, help] = run("--help");
  CHECK(code == 0);
  CHECK_THAT(help, Catch::StartsWith("From a fresh checkout") && Catch::Contains("19 pieces"));
}

TEST_CASE("usage: data that cannot be read exits 3", "[usage]") {
  const auto tokenizer = run_program({"tokenizer", "show", "/nowhere.model", "--text", "a"});
  CHECK(tokenizer.code == 3);
  CHECK_THAT(tokenizer.err,
             Catch::StartsWith("error: the tokenizer /nowhere.model cannot be read") &&
                 Catch::EndsWith("correct MODEL, or give the word bytes\n"));
  const auto counter = run_program({"inspect", "shard", "x", "--tokenizer", "/nowhere.model"});
  CHECK(counter.code == 3);
  CHECK_THAT(counter.err, Catch::EndsWith("correct --tokenizer\n"));
  const auto checkpoint = run_program({"inspect", "/nowhere"});
  CHECK(checkpoint.code == 3);
  CHECK_THAT(checkpoint.err, Catch::StartsWith("error: /nowhere is not a committed checkpoint: it "
                                               "does not exist; give the folder of"));
  const auto file = run_program({"inspect", "README.md"});
  CHECK(file.code == 3);
  CHECK_THAT(file.err, Catch::EndsWith("it is a file; give the folder of a checkpoint\n"));
  const auto shard = run_program({"inspect", "shard", "/nowhere.json.gz"});
  CHECK(shard.code == 3);
  CHECK_THAT(shard.err, Catch::Contains("correct it in the argument FILE, or run from the folder"));
  const auto text = run_program({"tokenizer", "train", "--shards", "/no*", "--output",
                                 "/nowhere/model", "--vocab-size", "9"});
  CHECK(text.code == 3);
  CHECK_THAT(text.err, Catch::Contains("correct it in --shards, or run from the folder"));
}

}  // namespace
}  // namespace sy
