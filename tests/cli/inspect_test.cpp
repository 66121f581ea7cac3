// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <algorithm>

#include "tests/cli/tiny_runs.h"

namespace sy {
namespace {
using test::run_program;

TEST_CASE("inspect data: any window of the global order, the same examples", "[inspect]") {
  const std::vector<std::string> data = {"inspect",
                                         "data",
                                         "tests/cli/small.yaml",
                                         "--set",
                                         "data.train=[\"" + test::sample().train + "\"]",
                                         "--set",
                                         "data.tokenizer=" + test::sample().tokenizer};
  const auto window = [&](const std::string& first, const std::string& examples) {
    std::vector<std::string> arguments = data;
    arguments.insert(arguments.end(), {"--first", first, "--examples", examples});
    return run_program(arguments);
  };
  const auto all = window("0", "40");  // a batch is 32
  CHECK(all.code == 0);
  CHECK(std::count(all.out.begin(), all.out.end(), '\n') == 40);
  CHECK_THAT(all.out, Catch::StartsWith("{\"index\": 0, \"stream\": 0, \"inputs\": ["));
  CHECK_THAT(all.out, Catch::Contains("\n{\"index\": 35, \"stream\": 0, \"inputs\": ["));
  const auto middle = window("30", "5");
  CHECK(middle.code == 0);
  CHECK(std::count(middle.out.begin(), middle.out.end(), '\n') == 5);
  CHECK(all.out.find(middle.out) != std::string::npos);
}

TEST_CASE("inspect data: lost shards are named, and too many end it", "[inspect]") {
  const std::string folder = test::temporary_folder();
  const std::string text = "{\"text\": \"One document of a few words.\"}\n";
  std::string lines;
  for (int i = 0; i < 200; ++i) lines += text;
  const auto inspect = [&] {
    return run_program({"inspect", "data", "tests/cli/small.yaml", "--set",
                        "data.train=[\"" + folder + "/*\"]", "--set",
                        "data.tokenizer=" + test::sample().tokenizer});
  };
  for (const char* name : {"a", "b", "c"}) test::write_file(folder + "/" + name, lines);
  CHECK(inspect().err.empty());
  test::write_file(folder + "/d", "");
  const auto one = inspect();
  CHECK(one.code == 0);
  CHECK_THAT(one.err, Catch::Contains("1 of 4 shards") && Catch::Contains(folder + "/d is empty"));
  test::write_file(folder + "/e", "version https://git-lfs.github.com/spec/v1\n");
  const auto two = inspect();
  CHECK(two.code == 3);
  CHECK_THAT(two.err, Catch::Contains("2 of 5 shards") && Catch::Contains("data.max_bad_shards"));
  CHECK(two.out.empty());
}

TEST_CASE("inspect shard: documents, and what cannot be used", "[inspect]") {
  const std::string folder = test::temporary_folder();
  test::write_file(folder + "/a.jsonl",
                   "{\"text\": \"one\"}\n{\"text\": \"three\"}\nnot json\n{\"url\": \"x\"}\n");
  const auto text = run_program({"inspect", "shard", folder + "/*.jsonl"});
  CHECK(text.code == 0);
  CHECK(text.out == folder +
                        "/a.jsonl\n"
                        "  4 lines, 2 documents, 8 bytes of text\n"
                        "  bytes per document: min 3, median 3, 99 % 3, max 5\n"
                        "  bad records: 2 (1 malformed, 0 not UTF-8, 1 without text, 0 empty, 0 "
                        "too long, 0 shard cut off)\n");
  const auto json = run_program({"inspect", "shard", folder + "/a.jsonl", "--json"});
  CHECK_THAT(json.out, Catch::Contains("\"documents\": 2, \"bytes\": 8, \"tokens\": null"));
}

TEST_CASE("inspect task: texts of a task's files as JSON lines", "[inspect]") {
  const std::string file = test::temporary_folder() + "/rte.jsonl";
  test::write_file(file,
                   "{\"premise\": \"A\", \"hypothesis\": \"B\", \"label\": \"entailment\"}\n"
                   "{\"premise\": \"C\", \"hypothesis\": \"D\"}\nbroken\n");
  const auto two = run_program({"inspect", "task", "super_glue_rte", file, "--examples", "2"});
  CHECK(two.code == 0);
  CHECK(two.out ==
        "{\"inputs\": \"rte hypothesis: B premise: A\", \"targets\": [\"entailment\"], "
        "\"group\": \"\"}\n"
        "{\"inputs\": \"rte hypothesis: D premise: C\", \"targets\": [\"<unk>\"], "
        "\"group\": \"\"}\n");
  const auto all = run_program({"inspect", "task", "super_glue_rte", file});
  CHECK(all.code == 3);
  CHECK_THAT(all.err, Catch::Contains("rte.jsonl:3: the line is no JSON object"));
  const auto unknown = run_program({"inspect", "task", "super_glue_rt", file});
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, Catch::Contains("did you mean 'super_glue_rte'?"));
}

TEST_CASE("inspect --verify: of a folder of checkpoints, a line each", "[inspect]") {
  const test::Runs runs;
  REQUIRE(runs.pretrain("run",
                        {"train.steps=3", "train.checkpoint_every=1", "train.keep_checkpoints=0"})
              .code == 0);
  const std::string folder = runs.path("runs/run"), all = folder + "/checkpoints";
  const auto at = [&](int step) { return fmt::format("{}/step-{:08}", all, step); };
  const std::string lines =
      fmt::format("{}  intact\n{}  intact\n{}  intact\n", at(1), at(2), at(3));
  for (const std::string& path : {folder, all}) {
    const auto intact = run_program({"inspect", path, "--verify"});
    CHECK(intact.code == 0);
    CHECK(intact.out == lines);
  }
  // Where the ledger is missing, a folder of checkpoints means its newest one.
  const auto newest = run_program({"inspect", all});
  CHECK(newest.code == 0);
  CHECK(newest.out == run_program({"inspect", at(3)}).out);
  CHECK_THAT(newest.err, Catch::Contains("the newest checkpoint of " + all + ": " + at(3)));
  std::filesystem::resize_file(at(1) + "/shard-00000.h5", 100);
  std::filesystem::remove(at(2) + "/manifest.json");
  const auto damaged = run_program({"inspect", folder, "--verify"});
  CHECK(damaged.code == 3);
  CHECK_THAT(damaged.out, Catch::StartsWith(at(1) + "  damaged: " + at(1) + "/shard-00000.h5") &&
                              Catch::Contains("\n" + at(2) + "  damaged: ") &&
                              Catch::EndsWith(at(3) + "  intact\n"));
  CHECK_THAT(damaged.err, Catch::Contains("2 of 3 checkpoints in " + folder + " are damaged"));
  const auto json = run_program({"inspect", all, "--verify", "--json"});
  CHECK(json.code == 3);
  CHECK_THAT(json.out, Catch::EndsWith("{\"checkpoint\": \"" + at(3) + "\", \"faults\": []}\n"));
  // One alone is printed as it always is, and a folder without any is no place to look.
  CHECK_THAT(run_program({"inspect", at(3), "--verify"}).out,
             Catch::EndsWith("every checksum agrees\n"));
  CHECK(run_program({"inspect", test::temporary_folder(), "--verify"}).code == 3);
}

TEST_CASE("inspect: what is no checkpoint is named", "[inspect]") {
  const std::string folder = test::temporary_folder();
  const auto message = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "inspect");
    const auto outcome = run_program(words);
    CHECK(outcome.code == 3);
    CHECK_THAT(outcome.err, Catch::StartsWith("error: " + words[1] + " is not a committed "));
    return outcome.err;
  };
  CHECK_THAT(message({folder}), Catch::Contains("it holds none"));
  std::filesystem::create_directories(folder + "/run/checkpoints");
  CHECK_THAT(message({folder + "/run"}), Catch::Contains("a run that has no committed checkpoint"));
  CHECK_THAT(message({folder + "/run", "--verify"}), Catch::Contains("has no committed"));
}

TEST_CASE("doctor: a line for each part, and a verdict", "[doctor]") {
  const auto outcome = run_program({"doctor", "--folder", test::temporary_folder()});
  for (const char* part : {"MPI", "collectives", "threads", "float32 GEMM", "bfloat16 GEMM",
                           "memory", "HDF5", "file system", "CUDA"}) {
    CHECK_THAT("\n" + outcome.out, Catch::Contains("\n" + std::string(part) + " "));
  }
  // Whether this machine is healthy is its own business; the code and the words must agree.
  CHECK((outcome.code == 0) == Catch::EndsWith("\nhealthy\n").match(outcome.out));
  CHECK((outcome.code == 1) == (outcome.out.find("ATTENTION") != std::string::npos));
  const auto full = run_program({"doctor", "--folder", "/proc/none"});
  CHECK(full.code == 1);
  CHECK_THAT(full.out, Catch::Contains("ATTENTION: rank 0 cannot write"));
}

}  // namespace
}  // namespace sy
