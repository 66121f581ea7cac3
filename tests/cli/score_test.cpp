// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/cli/program.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using test::run_program;

struct Files {
  std::string folder = test::temporary_folder();
  std::string predictions = folder + "/predictions.jsonl", targets = folder + "/targets.jsonl";

  Files(const std::string& predicted, const std::string& expected) {
    test::write_file(predictions, predicted);
    test::write_file(targets, expected);
  }
  test::Outcome score(const std::string& metric, std::vector<std::string> more = {}) const {
    std::vector<std::string> words{"score",     metric,      "--predictions",
                                   predictions, "--targets", targets};
    words.insert(words.end(), more.begin(), more.end());
    return run_program(words);
  }
};

TEST_CASE("score: prints what a metric gives", "[score_command]") {
  const Files files("\"The dog!\"\n{\"prediction\": \"a red cat\"}\n",
                    "[\"cow\", \"dog\"]\n{\"targets\": [\"the red cat eats\"]}\n");
  const auto text = files.score("squad");
  CHECK(text.code == 0);
  CHECK(text.err.empty());
  CHECK(text.out == "em 50.00\nf1 90.00\n");
  CHECK(files.score("squad", {"--json"}).out ==
        "{\"metric\": \"squad\", \"examples\": 2, \"scores\": {\"em\": 50.0, \"f1\": 90.0}}\n");
}

TEST_CASE("score: classes have labels", "[score_command]") {
  const Files files("\"no\"\n\"yes\"\n\"what\"\n", "\"no\"\n\"yes\"\n\"yes\"\n");
  CHECK(files.score("f1", {"--labels", "no,yes"}).out == "f1 66.67\n");
  CHECK(files.score("multirc", {"--labels", "no,yes"}).code == 0);
  CHECK(files.score("accuracy").out == "accuracy 66.67\n");
  const auto without = files.score("f1");
  CHECK(without.code == 2);
  CHECK_THAT(without.err, Catch::StartsWith("error: ") && Catch::Contains("--labels no,yes"));
  CHECK(files.score("f1", {"--labels", "no,yes,what"}).code == 2);
  CHECK(files.score("matthews", {"--labels", "no,what"}).code == 3);
  const auto useless = files.score("accuracy", {"--labels", "no,yes"});
  CHECK(useless.code == 2);
  CHECK(useless.err == "error: --labels applies to f1, f1_macro, matthews, multirc only\n");
}

TEST_CASE("score: a correlation that is not defined is null", "[score_command]") {
  const Files files("\"1.0\"\n\"1.0\"\n", "\"1.0\"\n\"2.0\"\n");
  CHECK_THAT(files.score("pearson", {"--json"}).out,
             Catch::Contains("{\"pearson_corrcoef\": null}"));
  CHECK(files.score("pearson").out == "pearson_corrcoef nan\n");
}

TEST_CASE("score: faults are one sentence", "[score_command]") {
  using Case = std::tuple<std::string, std::string, std::string, int, std::string>;
  const auto [metric, predictions, targets, code, sentence] =
      GENERATE(Case{"rogue", "\"a\"\n", "\"a\"\n", 2, "did you mean rouge?"},
               Case{"squad", "\"a\"\n\"b\"\n", "\"a\"\n", 3, "2 predictions"},
               Case{"squad", "\"a\"\nb\n", "\"a\"\n\"b\"\n", 3, "line 2 of "},
               Case{"squad", "", "", 3, "no examples to score"});
  CAPTURE(metric, predictions);
  const auto outcome = Files(predictions, targets).score(metric);
  CHECK(outcome.code == code);
  CHECK(outcome.out.empty());
  CHECK_THAT(outcome.err, Catch::StartsWith("error: ") && Catch::Contains(sentence));
  CHECK(outcome.err.find('\n') + 1 == outcome.err.size());
}

}  // namespace
}  // namespace sy
