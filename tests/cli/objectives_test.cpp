// SPDX-License-Identifier: Apache-2.0
// Objectives and data other than span corruption of SentencePiece, as a user runs them: training,
// resume, evaluation, generation, conversion.
#include <catch2/catch.hpp>

#include <fmt/format.h>
#include <simdjson.h>

#include <sstream>

#include "tests/cli/program.h"
#include "tests/support/sample.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

std::string write_config(const std::string& folder, const std::string& data) {
  std::string path = folder + "/tiny.yaml";
  write_file(path, fmt::format(R"(
run: {{directory: runs, name: r, threads: 1}}
backend: cpu
model: {{vocab_size: 384, d_model: 16, d_kv: 8, num_heads: 2, d_ff: 32, encoder_layers: 2,
        decoder_layers: 2, experts: {{count: 2}}}}
data: {{{}, encoder_length: 40, streams: 2, shuffle_buffer: 8, example_buffer: 8}}
optimizer: {{warmup_steps: 10, learning_rate: 0.3}}
train: {{steps: 6, global_batch: 8, micro_batch: 4, log_every: 1, eval_every: 3, eval_sequences: 8,
        checkpoint_every: 3}}
)",
                               data));
  return path;
}

std::string bytes_of_sample() {
  return fmt::format(R"(train: ["{}"], validation: ["{}"], tokenizer: bytes)", sample().train,
                     sample().validation);
}

// A command on the configuration, which must succeed unless `code` says otherwise.
Outcome run(const std::string& folder, const std::string& command,
            std::vector<std::string> arguments, const std::vector<std::string>& sets = {},
            int code = 0) {
  arguments.insert(arguments.begin(), {command, folder + "/tiny.yaml"});
  for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
  Outcome outcome = run_program(arguments, folder);
  CAPTURE(command, sets, outcome.err, outcome.out);
  CHECK(outcome.code == code);
  return outcome;
}

std::vector<double> losses(const std::string& folder, const std::string& name) {
  std::vector<double> all;
  std::istringstream lines(read_file(folder + "/runs/" + name + "/metrics.jsonl"));
  simdjson::dom::parser parser;
  for (std::string line; std::getline(lines, line);) {
    all.push_back(double(parser.parse(line)["loss"]));
  }
  return all;
}

TEST_CASE("objectives: trained, resumed, evaluated", "[objectives]") {
  const std::string folder = temporary_folder(), set = "data.objective=ul2";
  write_config(folder, bytes_of_sample());
  run(folder, "pretrain", {}, {set, "run.name=whole"});
  run(folder, "pretrain", {}, {set, "train.steps=3"});
  run(folder, "pretrain", {}, {set});
  CHECK(losses(folder, "r").size() == 9);  // 6 steps, 3 evaluations
  CHECK(losses(folder, "r") == losses(folder, "whole"));
  // With the checkpoint's configuration and its tokenizer.
  const Outcome evaluated =
      run_program({"evaluate", "--checkpoint", folder + "/runs/r", "--json"}, folder);
  CHECK(evaluated.code == 0);
  simdjson::dom::parser parser;
  CHECK(double(parser.parse(evaluated.out)["loss"]) == losses(folder, "r").back());
  const Outcome other = run(folder, "pretrain", {}, {"data.objective=span_corruption"}, 2);
  CHECK_THAT(other.err, Catch::Contains("data.objective: ul2"));
}

TEST_CASE("objectives: texts are continued or filled as the model was trained", "[objectives]") {
  const std::string folder = temporary_folder();
  write_config(folder, bytes_of_sample());
  const auto infill = [&](const std::string& name, const std::vector<std::string>& arguments,
                          int code = 0) {
    std::vector<std::string> all{"infill", "--checkpoint", folder + "/runs/" + name, "--max-length",
                                 "5"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    Outcome outcome = run_program(all, folder);
    CAPTURE(name, arguments, outcome.err);
    CHECK(outcome.code == code);
    return outcome;
  };
  for (const char* objective : {"prefix_lm", "next_token", "ul2"}) {
    run(folder, "pretrain", {},
        {std::string("data.objective=") + objective, std::string("run.name=") + objective,
         "train.steps=1", "train.eval_every=0"});
  }
  CHECK_THAT(infill("prefix_lm", {"--text", "The dog"}).out, Catch::StartsWith("The dog"));
  CHECK_THAT(infill("prefix_lm", {"--text", "a <extra_id_0>"}, 2).err,
             Catch::Contains("without <extra_id_0>"));
  CHECK_THAT(infill("next_token", {"--text", "a"}, 2).err, Catch::Contains("prefix_lm"));
  infill("ul2", {"--text", "a <extra_id_0> b", "--text", "The dog", "--mode", "X"});
  infill("ul2", {"--text", "a <extra_id_0> b", "--text", "The dog"});
  CHECK_THAT(infill("ul2", {"--text", "a", "--mode", "Q"}, 2).err, Catch::Contains("--mode Q"));
  const Outcome converted = run_program(
      {"convert", "--from", "switchyard", "--to", "hf", folder + "/runs/ul2", folder + "/hf"},
      folder);
  CAPTURE(converted.err);
  CHECK(converted.code == 0);
  const std::string tokenizer = read_file(folder + "/hf/tokenizer_config.json");
  CHECK_THAT(tokenizer, Catch::Contains("\"ByT5Tokenizer\"") &&
                            Catch::Contains("\"extra_ids\": 100") && Catch::Contains("\"</s>\""));
}

TEST_CASE("objectives: sequences of bare ids", "[objectives]") {
  const std::string folder = temporary_folder();
  std::string lines;
  for (int line = 0; line < 60; ++line) {
    lines += "{\"values\": [";
    for (int i = 0; i < 50; ++i) lines += fmt::format("{}{}", i == 0 ? "" : ", ", 3 + i * 5 % 90);
    lines += "]}\n";
  }
  write_file(folder + "/series.jsonl", lines + "{\"values\": [284]}\n");  // 284: a sentinel
  write_config(folder,
               "format: ids, text_key: values, train: [series.jsonl], validation: [series.jsonl]");
  const Outcome trained = run(folder, "pretrain", {});
  CHECK_THAT(trained.err,
             Catch::Contains("series.jsonl:61: item 0 of the record's `values` is 284"));
  run(folder, "evaluate", {});
  write_file(folder + "/prompts.jsonl", "{\"inputs\": [3, 8, 383, 1]}\n");
  const Outcome filled = run(folder, "infill", {"--ids", "prompts.jsonl", "--max-length", "4"});
  CHECK_THAT(filled.out, Catch::StartsWith("{\"ids\": ["));
  CHECK_THAT(run(folder, "infill", {"--text", "a"}, {}, 2).err, Catch::Contains("--ids"));
  const Outcome data = run_program({"inspect", "data", folder + "/tiny.yaml"}, folder);
  CHECK(data.code == 0);
  CHECK_THAT(data.out, Catch::Contains("383"));  // the first sentinel
  const Outcome other =
      run(folder, "pretrain", {}, {"data.format=text", "data.tokenizer=bytes"}, 2);
  CHECK_THAT(other.err, Catch::Contains("data.format: ids"));
}

TEST_CASE("objectives: UL2's examples name their denoiser", "[objectives]") {
  const std::string folder = temporary_folder();
  write_config(folder, bytes_of_sample());
  const Outcome outcome = run_program(
      {"inspect", "data", folder + "/tiny.yaml", "--examples", "40", "--set", "data.objective=ul2"},
      folder);
  CHECK(outcome.code == 0);
  simdjson::dom::parser parser;
  std::istringstream lines(outcome.out);
  std::string names;
  for (std::string line; std::getline(lines, line);) {
    const simdjson::dom::element object = parser.parse(line);
    const std::string name{std::string_view(object["denoiser"])};
    // <extra_id_99>, _98 and _97 of 100.
    const int64_t mode = name == "R" ? 358 : name == "S" ? 357 : 356;
    CHECK(int64_t(object["inputs"].get_array().at(0)) == mode);
    names += name;
  }
  for (const char* name : {"R", "S", "X"}) CHECK_THAT(names, Catch::Contains(name));
}

}  // namespace
}  // namespace sy
