// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/answers.h"

#include <catch2/catch.hpp>

#include <fstream>

#include "lib/base/error.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {

std::string file_with(const std::string& text) {
  const std::string path = test::temporary_folder() + "/lines.jsonl";
  std::ofstream(path) << text;
  return path;
}

TEST_CASE("answers: every form of a line", "[answers]") {
  const auto predictions =
      read_predictions(file_with("\"a \\u00e9\"\n{\"prediction\": \"b\", \"score\": -1.5}\n\"\""));
  CHECK(predictions == std::vector<std::string>{"a \u00e9", "b", ""});
  const auto examples =
      read_targets(file_with("\"a\"\n[\"b\", \"c\"]\n{\"targets\": [\"d\"], \"group\": \"q\"}\n"
                             "{\"targets\": \"e\", \"group\": 17, \"right\": false}\n"));
  REQUIRE(examples.size() == 4);
  CHECK(examples[0].targets == std::vector<std::string>{"a"});
  CHECK(examples[1].targets == std::vector<std::string>{"b", "c"});
  CHECK((examples[2].group == "q" && examples[2].right));
  CHECK((examples[3].group == "17" && !examples[3].right));
  CHECK(read_predictions(file_with("")).empty());
}

TEST_CASE("answers: faulty lines are named", "[answers]") {
  const std::string line = GENERATE("{\"text\": \"b\"}", "3", "[\"b\"]", "", "\"b", "\"b\" \"c\"",
                                    "{\"prediction\": 1}", "\"\xff\"");
  CAPTURE(line);
  const std::string path = file_with("\"a\"\n" + line + "\n\"c\"\n");
  CHECK_THROWS_AS(read_predictions(path), DataError);
  CHECK_THROWS_WITH(read_predictions(path), Catch::StartsWith("line 2 of " + path + ": expected "));
}

TEST_CASE("answers: faulty targets are named", "[answers]") {
  const std::string line =
      GENERATE("[]", "[1]", "{}", "{\"targets\": []}", "{\"targets\": \"a\", \"group\": 1.5}",
               "{\"targets\": \"a\", \"right\": 1}", "null");
  CAPTURE(line);
  const std::string path = file_with(line + "\n");
  CHECK_THROWS_WITH(read_targets(path), Catch::StartsWith("line 1 of " + path + ": expected "));
}

TEST_CASE("answers: files that cannot be read or do not match", "[answers]") {
  CHECK_THROWS_WITH(read_predictions("/nowhere.jsonl"), Catch::StartsWith("/nowhere.jsonl cannot"));
  const std::vector<TextExample> examples(3);
  CHECK_THROWS_WITH(pair_answers({"a", "b"}, examples, "P", "T"),
                    Catch::StartsWith("P has 2 predictions and T has 3 targets"));
}

}  // namespace
}  // namespace sy
