// SPDX-License-Identifier: Apache-2.0
// Fine-tuning as a user runs it: where the optimiser's step begins, what a run resumes from, and
// what is refused, in a sentence and with which exit code.
#include <catch2/catch.hpp>

#include <fmt/format.h>
#include <simdjson.h>

#include <filesystem>
#include <sstream>

#include "tests/cli/program.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using Sets = std::vector<std::string>;

constexpr const char* kConfig = R"(
run: {directory: runs, threads: 1}
backend: cpu
model: {d_model: 16, d_kv: 8, num_heads: 2, d_ff: 32, encoder_layers: 2, decoder_layers: 2,
        experts: {count: 0}}
data: {tasks: [{name: copy, form: jsonl, train: [train.jsonl], validation: [validation.jsonl],
                metrics: [exact_match]}],
       tokenizer: bytes, encoder_length: 12, decoder_length: 6, streams: 2}
optimizer: {learning_rate: 0.3, schedule: rsqrt, warmup_steps: 1}
train: {steps: 4, global_batch: 8, micro_batch: 4, log_every: 1, eval_every: 2, eval_sequences: 8,
        checkpoint_every: 2}
)";

class Runs {
 public:
  Runs() {
    write_file(path("tiny.yaml"), kConfig);
    write_file(path("train.jsonl"), examples(40));
    write_file(path("validation.jsonl"), examples(7));
  }
  static std::string examples(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text += fmt::format("{{\"input\": \"copy {}\", \"target\": \"{}\"}}\n", i, i);
    }
    return text;
  }
  Outcome run(const std::string& command, const std::string& name, const Sets& sets) const {
    Sets arguments{command, "tiny.yaml", "--set", "run.name=" + name};
    for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
    return run_program(arguments, folder_);
  }
  Outcome finetune(const std::string& name, const Sets& sets) const {
    return run("finetune", name, sets);
  }
  // Exit code and message of a run that is refused.
  void refused(const Sets& sets, int code, const Sets& words) const {
    const Outcome outcome = finetune("refused", sets);
    CAPTURE(outcome.err);
    CHECK(outcome.code == code);
    for (const std::string& word : words) CHECK_THAT(outcome.err, Catch::Contains(word));
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  // A number of every line of training.
  std::vector<double> logged(const std::string& name, const char* number) const {
    std::vector<double> all;
    std::istringstream lines(read_file(path("runs/" + name + "/metrics.jsonl")));
    simdjson::dom::parser parser;
    for (std::string line; std::getline(lines, line);) {
      const simdjson::dom::element object = parser.parse(line);
      if (std::string_view(object["kind"]) == "train") all.push_back(double(object[number]));
    }
    return all;
  }

 private:
  std::string folder_ = temporary_folder();
};

TEST_CASE("finetune: the optimiser's step begins again, or goes on", "[finetune]") {
  const Runs runs;
  REQUIRE(runs.run("pretrain", "first", {}).code == 0);
  const auto rates = runs.logged("first", "learning_rate");  // of steps 1 to 4
  const Sets from{"train.initialize_from=runs/first"};
  const auto restarted = runs.finetune("restarted", from);
  CAPTURE(restarted.err);
  REQUIRE(restarted.code == 0);
  CHECK(runs.logged("restarted", "learning_rate") == rates);
  CHECK_THAT(restarted.out, Catch::Contains("best of copy: "));
  CHECK(std::filesystem::is_symlink(runs.path("runs/restarted/best/copy")));

  const Sets on{from[0], "finetune.step=resume", "train.steps=2"};
  REQUIRE(runs.finetune("on", on).code == 0);
  REQUIRE(runs.finetune("on", {from[0], "finetune.step=resume"}).code == 0);  // resumed at 2
  const auto later = runs.logged("on", "learning_rate");
  REQUIRE(later.size() == 4);
  for (size_t i = 0; i < 4; ++i) CHECK(later[i] == Approx(0.3 / std::sqrt(5.0 + double(i))));
  CHECK(runs.logged("on", "loss")[0] == runs.logged("restarted", "loss")[0]);

  // Bare weights have no state to go on with.
  REQUIRE(run_program({"convert", "--from", "switchyard", "--to", "hf", "runs/first", "hf"},
                      runs.path(""))
              .code == 0);
  REQUIRE(
      run_program({"convert", "--from", "hf", "--to", "switchyard", "hf", "bare"}, runs.path(""))
          .code == 0);
  runs.refused({"train.initialize_from=bare", "finetune.step=resume"}, 3,
               {"bare", "no state of an optimiser", "finetune.step: restart"});
}

TEST_CASE("finetune: other tasks than the checkpoint's are refused", "[finetune]") {
  const Runs runs;
  REQUIRE(runs.run("pretrain", "refused", {"train.steps=2"}).code == 0);
  write_file(runs.path("train.jsonl"), Runs::examples(41));
  runs.refused({}, 2, {"data.tasks", "train.jsonl"});
  write_file(runs.path("train.jsonl"), Runs::examples(40));
  runs.refused({"data.tasks=[{name: other, form: jsonl, train: [train.jsonl], "
                "validation: [validation.jsonl]}]"},
               2, {"data.tasks: copy (form jsonl) -> other (form jsonl)"});
  std::filesystem::rename(runs.path("train.jsonl"), runs.path("moved.jsonl"));
  CHECK(runs.finetune("refused", {"data.tasks=[{name: copy, form: jsonl, train: [moved.jsonl], "
                                  "validation: [validation.jsonl]}]"})
            .code == 0);
}

TEST_CASE("finetune: what cannot be is refused in a sentence", "[finetune]") {
  const Runs runs;
  const auto task = [](const std::string& keys) {
    return "data.tasks=[{name: copy, train: [train.jsonl], validation: [validation.jsonl], " +
           keys + "}]";
  };
  const std::string from = "train.initialize_from=nowhere";
  runs.refused({}, 2, {"no weights to start from", "train.initialize_from"});
  runs.refused({"data.tasks=[]"}, 2, {"data.tasks is empty", "`pretrain`"});
  runs.refused({from}, 3, {"nowhere is not a committed checkpoint"});
  runs.refused({from, task("form: jsonk")}, 2, {"'jsonk'", "jsonl"});
  runs.refused({from, task("form: jsonl, metrics: [exact_mach]")}, 2,
               {"'exact_mach'", "did you mean exact_match?"});
  runs.refused({from, task("form: jsonl, rate: 0")}, 2, {"0"});
  runs.refused({from, task("form: jsonl, rate: -1")}, 2, {"data.tasks[0].rate: -1"});
  runs.refused({from, "data.decoder_length=auto"}, 2, {"data.decoder_length", "such as 84"});
  runs.refused({from, "finetune.beams=0"}, 2, {"finetune.beams: 0 is out of range"});
  runs.refused({from, "data.tokenizer=none.model"}, 3, {"none.model"});
  runs.refused({from, "data.tasks=[{name: a/b, form: jsonl, train: [train.jsonl]}]"}, 2,
               {"data.tasks[0].name: 'a/b'", "train.eval_every: no task"});
}

TEST_CASE("finetune: malformed files of a task end it", "[finetune]") {
  const Runs runs;
  const std::string from = "train.initialize_from=nowhere";
  for (const char* file : {"train.jsonl", "validation.jsonl"}) {
    const std::string sound = read_file(runs.path(file));
    write_file(runs.path(file), sound + "{\"input\": \"x\"}\n");
    runs.refused({from}, 3, {file, std::string(file[0] == 't' ? ":41:" : ":8:")});
    write_file(runs.path(file), "not JSON\n");
    runs.refused({from}, 3, {file, ":1:"});
    write_file(runs.path(file), "");
    runs.refused({from}, 3, {file});
    write_file(runs.path(file), sound);
  }
}

TEST_CASE("finetune: evaluate scores tasks by name", "[finetune]") {
  const Runs runs;
  REQUIRE(runs.run("pretrain", "first", {"train.steps=1"}).code == 0);
  const auto evaluate = [&](const Sets& more) {
    Sets arguments{"evaluate", "--checkpoint", "runs/first"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, runs.path(""));
  };
  const auto loss = evaluate({"--json"});
  CHECK(loss.code == 0);
  CHECK_THAT(loss.out, Catch::Contains("\"loss\": ") && Catch::Contains("\"sequences\": 7"));
  const auto all = evaluate({"--tasks", "--json", "--predictions", "said.jsonl"});
  CAPTURE(all.err);
  CHECK(all.code == 0);
  CHECK_THAT(all.out, Catch::Contains("{\"step\": 1, \"tasks\": {\"copy\": {\"exact_match\": "));
  const std::string said = read_file(runs.path("said.jsonl"));
  CHECK(std::count(said.begin(), said.end(), '\n') == 7);
  CHECK_THAT(said, Catch::StartsWith("{\"task\": \"copy\", \"inputs\": \"copy 0\", \"targets\": "
                                     "[\"0\"], \"prediction\": \""));
  const auto beams = evaluate({"--tasks", "copy", "--set", "finetune.beams=3"});
  CHECK(beams.code == 0);
  CHECK_THAT(beams.out, Catch::Contains("step 1: copy exact_match "));
  const auto unknown = evaluate({"--tasks", "cppy"});
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, Catch::Contains("did you mean copy?"));
  CHECK(evaluate({"--predictions", "x"}).code == 2);
  const auto shards = evaluate({"--shards", "x*.gz"});
  CHECK(shards.code == 3);
  CHECK_THAT(shards.err, Catch::StartsWith("error: the shard pattern 'x*.gz' matches no file") &&
                             Catch::Contains("correct it in --shards"));
}

TEST_CASE("finetune: evaluate scores the tasks of a list", "[finetune]") {
  const Runs runs;
  write_file(runs.path("other.jsonl"), Runs::examples(3));
  const auto task = [](const char* name, const char* file) {
    return fmt::format(
        "{{name: {}, form: jsonl, train: [train.jsonl], validation: [{}], metrics: [exact_match]}}",
        name, file);
  };
  const std::string tasks = fmt::format("data.tasks=[{}, {}, {}]", task("copy", "validation.jsonl"),
                                        task("other", "other.jsonl"), task("third", "other.jsonl"));
  REQUIRE(runs.run("pretrain", "three", {tasks, "train.steps=1", "train.eval_every=0"}).code == 0);
  const auto evaluate = [&](const std::string& names) {
    return run_program({"evaluate", "--checkpoint", "runs/three", "--tasks", names, "--json",
                        "--predictions", "said.jsonl"},
                       runs.path(""));
  };
  const auto two = evaluate("copy,third");
  CAPTURE(two.err);
  CHECK(two.code == 0);
  CHECK_THAT(two.out, Catch::Contains("\"copy\": {\"exact_match\": ") &&
                          Catch::Contains("\"third\": {\"exact_match\": ") &&
                          !Catch::Contains("other"));
  const std::string said = read_file(runs.path("said.jsonl"));
  CHECK(std::count(said.begin(), said.end(), '\n') == 7 + 3);
  const auto unknown = evaluate("copy,thrid");
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, Catch::Contains("'thrid'") && Catch::Contains("did you mean third?"));
  const auto empty = evaluate("copy,,third");
  CHECK(empty.code == 2);
  CHECK_THAT(empty.err, Catch::StartsWith("error: --tasks: 'copy,,third'"));
}

}  // namespace
}  // namespace sy
