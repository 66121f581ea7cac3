// SPDX-License-Identifier: Apache-2.0
// `switchyard infill` as a user runs it, on the small converted models of tests/reference, whose
// targets Hugging Face's generate() wrote (tests/reference/generate.py --remake).
#include <fmt/format.h>
#include <simdjson.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>

#include "tests/cli/program.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

const std::string kData = SY_SOURCE_DIR "/tests/reference/data/generate/";
const std::string kTokenizer = SY_SOURCE_DIR "/tests/fuzz/sound.model";  // of a few pieces

// The checkpoint that the model `name` becomes; made once.
std::string checkpoint_of(const std::string& name) {
  static const std::string folder = temporary_folder();
  const std::string path = folder + "/" + name;
  if (!std::filesystem::exists(path)) {
    const auto made =
        run_program({"convert", "--from", "hf", "--to", "switchyard", kData + name, path});
    REQUIRE(made.code == 0);
  }
  return path;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The lists of ids, a line each.
std::vector<std::vector<int64_t>> ids_of(const std::string& text) {
  std::vector<std::vector<int64_t>> all;
  simdjson::dom::parser parser;
  for (const std::string& line : lines_of(text)) {
    std::vector<int64_t>& ids = all.emplace_back();
    for (const auto id : parser.parse(line)["ids"].get_array()) ids.push_back(id.get_int64());
  }
  return all;
}

Outcome infill(const std::string& model, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"infill", "--checkpoint", checkpoint_of(model)});
  return run_program(arguments);
}

// With sound.model as tokenizer.
Outcome infill_text(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--set", "data.tokenizer=" + kTokenizer, "--set",
                                     "data.extra_ids=10", "--max-length", "6"});
  return infill("switch", arguments);
}

TEST_CASE("infill: a converted model writes what it writes in transformers", "[infill_command]") {
  const std::string model = GENERATE("switch", "t5");
  const std::string batch = GENERATE("1", "7", "24");
  const std::vector<std::string> base{
      "--ids", kData + model + "/prompts.jsonl", "--max-length", "24", "--batch", batch};
  const auto greedy = infill(model, base);
  CAPTURE(model, batch, greedy.err);
  CHECK(greedy.code == 0);
  CHECK(ids_of(greedy.out) == ids_of(read_file(kData + model + "/greedy.jsonl")));
  std::vector<std::string> beam = base;
  beam.insert(beam.end(), {"--strategy", "beam", "--beams", "4", "--length-penalty", "0.6"});
  CHECK(ids_of(infill(model, beam).out) == ids_of(read_file(kData + model + "/beam.jsonl")));
  CHECK(ids_of(read_file(kData + model + "/beam.jsonl")) !=
        ids_of(read_file(kData + model + "/greedy.jsonl")));
}

TEST_CASE("infill: draws are the seed's, whatever the batch", "[infill_command]") {
  const auto sample = [](const std::string& seed, const std::string& batch) {
    return ids_of(infill("t5", {"--ids", kData + "t5/prompts.jsonl", "--strategy", "sample",
                                "--top-p", "0.9", "--temperature", "0.8", "--max-length", "8",
                                "--seed", seed, "--batch", batch})
                      .out);
  };
  const auto first = sample("3", "1");
  CHECK(first.size() == 24);
  CHECK(sample("3", "24") == first);
  CHECK(sample("3", "5") == first);
  CHECK(sample("4", "24") != first);
}

TEST_CASE("infill: texts, lines and JSON", "[infill_command]") {
  const std::string text = "a <extra_id_0> b", folder = temporary_folder();
  write_file(folder + "/lines.txt", "b\n" + text + "\n");
  const auto plain = infill_text({"--text", text, "--lines", folder + "/lines.txt"});
  CAPTURE(plain.err);
  CHECK(plain.code == 0);
  const std::vector<std::string> shown = lines_of(plain.out);
  REQUIRE(shown.size() == 6);  // two lines a text
  CHECK(shown[0] == shown[4]);
  CHECK(shown[1] == shown[5]);
  const auto json = infill_text({"--text", text, "--json"});
  simdjson::dom::parser parser;
  const simdjson::dom::element object = parser.parse(json.out);
  CHECK(std::string_view(object["text"]) == text);
  CHECK(std::string_view(object["filled"]) == shown[0]);
  CHECK("  " + std::string(std::string_view(object["output"])) == shown[1]);
  CHECK(object["ids"].get_array().size() <= 6);
  CHECK(double(object["score"]) < 0);
  CHECK(object["log_probs"].get_array().size() == object["ids"].get_array().size());
  double sum = 0;
  for (const auto log_prob : object["log_probs"].get_array()) sum += double(log_prob);
  CHECK(sum == Approx(double(object["score"])));
}

TEST_CASE("infill: a tokenizer beside the checkpoint is found", "[infill_command]") {
  const std::string folder = temporary_folder() + "/copy";
  std::filesystem::copy(checkpoint_of("switch"), folder, std::filesystem::copy_options::recursive);
  const std::vector<std::string> arguments{"infill", "--checkpoint",     folder, "--text", "a",
                                           "--set",  "data.extra_ids=10"};
  const auto absent = run_program(arguments);
  CHECK(absent.code == 2);
  CHECK_THAT(absent.err, Catch::StartsWith("error: " + folder) &&
                             Catch::Contains("--set data.tokenizer=FILE") &&
                             Catch::Contains("spiece.model"));
  std::filesystem::copy(kTokenizer, folder + "/spiece.model");
  CHECK(run_program(arguments).code == 0);
}

TEST_CASE("infill: the tokenizer that the checkpoint holds is found", "[infill_command]") {
  const std::string folder = temporary_folder();
  std::filesystem::copy(kData + "switch", folder + "/hf");
  std::filesystem::copy(kTokenizer, folder + "/hf/spiece.model");
  REQUIRE(
      run_program({"convert", "--from", "hf", "--to", "switchyard", folder + "/hf", folder + "/sy"})
          .code == 0);
  std::vector<std::string> arguments{"infill", "--checkpoint", folder + "/sy",     "--text",
                                     "a",      "--set",        "data.extra_ids=10"};
  CHECK(run_program(arguments).code == 0);
  // It goes before one that lies beside it, and after one that is named.
  write_file(folder + "/sy/spiece.model", "no model");
  CHECK(run_program(arguments).code == 0);
  arguments.insert(arguments.end(), {"--set", "data.tokenizer=" + folder + "/sy/spiece.model"});
  CHECK(run_program(arguments).code == 3);
}

TEST_CASE("infill: an error is one line and names the option", "[infill_command]") {
  using Words = std::vector<std::string>;
  using Case = std::pair<Words, Words>;  // arguments, and what the message names
  const std::string blank = "a <extra_id_0>";
  const auto [arguments, words] = GENERATE_COPY(
      Case{{}, {"--text", "--lines", "--ids"}},
      Case{{"--ids", "x", "--text", blank}, {"--ids", "--text"}},
      Case{{"--text", blank, "--beams", "2"}, {"--beams", "--strategy beam"}},
      Case{{"--text", blank, "--top-p", "0.5"}, {"--top-p", "--strategy sample"}},
      Case{{"--text", blank, "--strategy", "beam", "--seed", "1"}, {"--seed", "--strategy sample"}},
      Case{{"--text", blank, "--strategy", "sample", "--top-p", "0"}, {"--top-p", "0"}},
      Case{{"--text", blank, "--strategy", "sample", "--seed", "-3"}, {"--seed"}},
      Case{{"--text", blank, "--batch", "0"}, {"--batch", "0"}},
      Case{{"--text", blank, "--strategy", "beam", "--beams", "0"}, {"--beams", "0"}},
      Case{{"--text", "b <extra_id_1> a <extra_id_0>"}, {"--text", "<extra_id_1>", "<extra_id_0>"}},
      Case{{"--text", blank + " b <extra_id_0>"}, {"--text", "<extra_id_0>", "<extra_id_1>"}},
      Case{{"--text", "a <extra_id_10>"}, {"--text", "<extra_id_10>", "<extra_id_9>"}},
      Case{{"--text", blank, "--set", "model.d_model=40"}, {"model.d_model: ", "-> 40"}},
      Case{{"--text", blank + " b a b a b a b a b a b a b a b a b", "--set",
            "data.encoder_length=16"},
           {"--text", "data.encoder_length"}});
  CAPTURE(arguments);
  const auto outcome = infill_text(arguments);
  CAPTURE(outcome.err);
  CHECK(outcome.code == 2);
  CHECK_THAT(outcome.err, Catch::StartsWith("error: "));
  for (const std::string& word : words) CHECK_THAT(outcome.err, Catch::Contains(word));
  CHECK(outcome.out.empty());
}

TEST_CASE("infill: a text without a blank is completed with a warning", "[infill_command]") {
  const std::string text = GENERATE("a b", "");
  const auto outcome = infill_text({"--text", text});
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.err, Catch::Contains("--text") && Catch::Contains("<extra_id_0>"));
  CHECK_FALSE(outcome.out.empty());
}

TEST_CASE("infill: lines as Windows writes them", "[infill_command]") {
  const std::string path = temporary_folder() + "/lines.txt";
  write_file(path,
             "\xef\xbb\xbf"
             "a <extra_id_0>\r\nb <extra_id_0>\r\n");
  const auto outcome = infill_text({"--lines", path, "--json"});
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  CHECK_THAT(outcome.out, Catch::StartsWith("{\"text\": \"a <extra_id_0>\", ") &&
                              Catch::Contains("\n{\"text\": \"b <extra_id_0>\", "));
}

TEST_CASE("infill: lines that cannot be read", "[infill_command]") {
  const auto folder = infill_text({"--lines", temporary_folder()});
  CHECK(folder.code == 3);
  CHECK_THAT(folder.err, Catch::Contains("cannot be read") && Catch::Contains("Is a directory"));
  CHECK(folder.out.empty());
  setenv("OMPI_COMM_WORLD_SIZE", "2", 1);  // as mpirun would
  setenv("OMPI_COMM_WORLD_RANK", "0", 1);
  const auto input = infill_text({"--lines", "-"});
  unsetenv("OMPI_COMM_WORLD_SIZE");
  unsetenv("OMPI_COMM_WORLD_RANK");
  CHECK(input.code == 2);
  CHECK_THAT(input.err, Catch::Contains("standard input (-) reaches rank 0 alone"));
}

TEST_CASE("infill: what is given for a checkpoint and is none", "[infill_command]") {
  const std::string folder = temporary_folder();
  const auto message = [&](const std::string& path) {
    const auto outcome = run_program({"infill", "--checkpoint", path, "--text", "a <extra_id_0>"});
    CHECK(outcome.code == 3);
    CHECK_THAT(outcome.err, Catch::StartsWith("error: " + path + " is not a committed checkpoint"));
    return outcome.err;
  };
  CHECK_THAT(message(folder + "/absent"), Catch::Contains("does not exist"));
  CHECK_THAT(message(kTokenizer), Catch::Contains("it is a file"));
  CHECK_THAT(message(kData + "t5"), Catch::Contains("switchyard convert --from hf"));
  CHECK_THAT(message(folder), Catch::Contains("it holds none"));
  std::filesystem::create_directories(folder + "/run/checkpoints");
  CHECK_THAT(message(folder + "/run"), Catch::Contains("folder of a run"));
  write_file(folder + "/pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n");
  CHECK_THAT(message(folder + "/pointer"), Catch::Contains("Git LFS pointer"));
}

TEST_CASE("infill: usage that the parser refuses", "[infill_command]") {
  for (const auto& command : {std::vector<std::string>{"infill", "--text", "a"}, {"evaluate"}}) {
    const auto outcome = run_program(command);
    CHECK(outcome.code == 2);
    CHECK_THAT(outcome.err, Catch::Contains("CONFIG") && Catch::Contains("--checkpoint"));
  }
  CHECK(infill_text({"--text", "a", "--strategy", "guess"}).code == 2);
  CHECK(infill_text({"--text", "a", "--batch", "many"}).code == 2);
  CHECK(infill_text({"--text", "a", "--max-length", "1"}).code == 2);  // given twice
}

TEST_CASE("infill: lines that are not ids", "[infill_command]") {
  const std::string path = temporary_folder() + "/ids.jsonl";
  const auto message = [&](const std::string& lines) {
    write_file(path, lines);
    const auto outcome = infill("switch", {"--ids", path});
    CHECK(outcome.code == 3);
    return outcome.err;
  };
  const auto line = [&](int number) { return fmt::format("error: line {} of {}", number, path); };
  CHECK_THAT(message("{\"inputs\": [4]}\nnonsense\n"), Catch::StartsWith(line(2)));
  CHECK_THAT(message("{\"inputs\": []}\n"), Catch::StartsWith(line(1)));
  CHECK_THAT(message("[1]\n"), Catch::StartsWith(line(1)));
  for (const char* id : {"96", "-1"}) {
    const std::string error = message(fmt::format("{{\"inputs\": [4, {}]}}\n", id));
    CHECK_THAT(error, Catch::StartsWith(line(1)) && Catch::Contains(id));
  }
  CHECK(infill("switch", {"--ids", "/nowhere"}).code == 3);
}

TEST_CASE("infill: evaluate reads a checkpoint alone too", "[infill_command]") {
  const auto outcome = run_program(
      {"evaluate", "--checkpoint", checkpoint_of("switch"), "--set", "data.tokenizer=/nowhere"});
  CHECK(outcome.code == 3);
  CHECK_THAT(outcome.err, Catch::StartsWith("error: the tokenizer /nowhere"));
}

}  // namespace
}  // namespace sy
