// SPDX-License-Identifier: Apache-2.0
#include <simdjson.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/cli/program.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using test::run_program;

std::vector<int64_t> ids_of(simdjson::dom::element object) {
  std::vector<int64_t> ids;
  for (const auto id : object["ids"].get_array()) ids.push_back(id.get_int64());
  return ids;
}

TEST_CASE("tokenizer show: the ids of T5's own, one JSON object a text", "[tokenizer]") {
  const auto model = test::shared_file("data/tokenizer/t5-100extra.model");
  const auto vectors = test::shared_file("vectors/t5_tokenization_100extra.jsonl");
  if (!model || !vectors) return;
  std::vector<std::string> arguments = {"tokenizer", "show", *model}, expected;
  std::ifstream file(*vectors);
  simdjson::dom::parser parser;
  for (std::string line; std::getline(file, line);) {
    const auto text = std::string(std::string_view(parser.parse(line)["text"]));
    if (text.find('\0') != std::string::npos) continue;  // no argument can hold it
    arguments.insert(arguments.end(), {"--text", text});
    expected.push_back(line);
  }
  REQUIRE(expected.size() > 20);
  const auto outcome = run_program(arguments);
  CHECK(outcome.code == 0);
  std::istringstream lines(outcome.out);
  simdjson::dom::parser other;
  for (const std::string& wanted : expected) {
    CAPTURE(wanted);
    std::string line;
    REQUIRE(std::getline(lines, line));
    const simdjson::dom::element shown = other.parse(line);
    CHECK(ids_of(shown) == ids_of(parser.parse(wanted)));
    CHECK(shown["pieces"].get_array().size() == shown["ids"].get_array().size());
  }
}

// What is shown of four texts, given as arguments and as a file's lines.
void check_shown(const std::string& model, const std::string& shown) {
  const std::string blanks = "The <extra_id_0> walks in <extra_id_1> park";
  CHECK(run_program({"tokenizer", "show", model, "--text", blanks, "--text", "[a,b]", "--text",
                     "\"\\\"", "--text", ""})
            .out == shown);
  const std::string path = test::temporary_folder() + "/lines.txt";
  test::write_file(path, blanks + "\n[a,b]\n\"\\\"\n\n");
  CHECK(run_program({"tokenizer", "show", model, "--lines", path}).out == shown);
}

TEST_CASE("tokenizer show: golden lines, from arguments and from a file", "[tokenizer]") {
  // A model of 31 pieces, all but five of them letters; it knows neither T nor brackets.
  const std::string shown =
      R"({"ids": [3, 2, 5, 4, 133, 3, 31, 13, 9, 15, 17, 3, 14, 10, 132, 3, 30, 13, 7, 15], )"
      R"("pieces": ["▁", "T", "h", "e", "▁<extra_id_0>", "▁", "w", "a", "l", "k", "s", "▁", "i", "n", )"
      R"("▁<extra_id_1>", "▁", "p", "a", "r", "k"]})"
      "\n"
      R"({"ids": [3, 2, 13, 2, 26, 2], "pieces": ["▁", "[", "a", ",", "b", "]"]})"
      "\n"
      R"({"ids": [3, 2], "pieces": ["▁", "\"\\\""]})"
      "\n"
      R"({"ids": [], "pieces": []})"
      "\n";
  check_shown(SY_SOURCE_DIR "/tests/fuzz/sound.model", shown);
}

TEST_CASE("tokenizer show: T5's golden lines", "[tokenizer]") {
  const auto model = test::shared_file("data/tokenizer/t5.model");
  if (!model) return;
  const std::string shown =
      R"({"ids": [37, 32099, 10681, 16, 32098, 2447], "pieces": ["▁The", "▁<extra_id_0>", )"
      R"("▁walks", "▁in", "▁<extra_id_1>", "▁park"]})"
      "\n"
      R"({"ids": [784, 9, 6, 115, 908], "pieces": ["▁[", "a", ",", "b", "]"]})"
      "\n"
      R"({"ids": [96, 2, 121], "pieces": ["▁\"", "\\", "\""]})"
      "\n"
      R"({"ids": [], "pieces": []})"
      "\n";
  check_shown(*model, shown);
}

TEST_CASE("tokenizer train: corpora of a configuration by their rates", "[tokenizer]") {
  const std::string folder = test::temporary_folder();
  std::string a, b;
  for (int i = 0; i < 50; ++i) {
    a += "{\"text\": \"the first of " + std::to_string(i) + " lines\"}\n";
    b += "{\"text\": \"and another, number " + std::to_string(i) + "\"}\n";
  }
  test::write_file(folder + "/a", a);
  test::write_file(folder + "/b", b);
  test::write_file(folder + "/run.yaml", "data:\n  corpora:\n    - {name: x, train: [" + folder +
                                             "/a], rate: 1}\n    - {name: y, train: [" + folder +
                                             "/b], rate: 3}\ntrain: {eval_every: 0}\n");
  const auto train = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"tokenizer",    "train", "--output",        folder + "/model",
                                 "--vocab-size", "40",    "--max-sentences", "40"};
    all.insert(all.end(), more.begin(), more.end());
    return run_program(all);
  };
  const auto some = train({"--config", folder + "/run.yaml"});
  CHECK(some.code == 0);
  CHECK_THAT(some.out, Catch::Contains(folder + "/a: 10 sentences, the rest is left") &&
                           Catch::Contains(folder + "/b: 30 sentences, the rest is left"));
  const auto equal = train({"--config", folder + "/run.yaml", "--set",
                            "data.corpora=[{name: x, train: [" + folder +
                                "/a], size: 9}, {name: y, train: [" + folder + "/b], size: 1}]",
                            "--set", "data.mixture.exponent=0"});
  CHECK_THAT(equal.out, Catch::Contains(folder + "/a: 20 sentences") &&
                            Catch::Contains(folder + "/b: 20 sentences"));
  CHECK(train({}).code == 2);
  CHECK(train({"--shards", folder + "/a", "--config", folder + "/run.yaml"}).code == 2);
}

TEST_CASE("tokenizer train: says what it read of which shard, and what is left", "[tokenizer]") {
  const std::string folder = test::temporary_folder();
  std::string a, b;
  for (int i = 0; i < 50; ++i) {
    a += "{\"content\": \"the first of " + std::to_string(i) + " lines\"}\n";
    b += "{\"content\": \"and another, number " + std::to_string(i) + "\"}\n";
  }
  test::write_file(folder + "/a", a);
  test::write_file(folder + "/b", b);
  const auto train = [&](const std::string& sentences) {
    return run_program({"tokenizer", "train", "--shards", folder + "/a", folder + "/b", "--weights",
                        "1", "3", "--text-key", "content", "--output", folder + "/model",
                        "--vocab-size", "40", "--max-sentences", sentences});
  };
  const auto some = train("40");
  CHECK(some.code == 0);
  CHECK_THAT(some.out, Catch::Contains("40 pieces from 40 sentences") &&
                           Catch::Contains(folder + "/a: 10 sentences, the rest is left") &&
                           Catch::Contains(folder + "/b: 30 sentences, the rest is left") &&
                           Catch::Contains("2 shards have more text than was used") &&
                           Catch::Contains("--max-sentences 40"));
  const auto all = train("1000");
  CHECK_THAT(all.out, Catch::Contains("40 pieces from 100 sentences") &&
                          Catch::Contains(folder + "/b: 50 sentences, all of it") &&
                          !Catch::Contains("--max-sentences"));
}

}  // namespace
}  // namespace sy
