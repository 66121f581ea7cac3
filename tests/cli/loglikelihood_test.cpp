// SPDX-License-Identifier: Apache-2.0
// `switchyard loglikelihood` on the small converted model of tests/reference, beside what
// lm-evaluation-harness computed with its export (tests/reference/harness.py --remake).
#include <simdjson.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>

#include "tests/cli/program.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

const std::string kModel = SY_SOURCE_DIR "/tests/reference/data/generate/switch";
const std::string kRequests = kModel + "/likelihoods.jsonl";  // and what is expected of each

std::string checkpoint() {
  static const std::string path = temporary_folder() + "/checkpoint";
  if (!std::filesystem::exists(path)) {
    const auto made = run_program({"convert", "--from", "hf", "--to", "switchyard", kModel, path});
    REQUIRE(made.code == 0);
  }
  return path;
}

Outcome loglikelihood(const std::string& requests, std::vector<std::string> more = {}) {
  std::vector<std::string> words{
      "loglikelihood",
      "--checkpoint",
      checkpoint(),
      "--requests",
      requests,
      "--set",
      std::string("data.tokenizer=") + SY_SOURCE_DIR "/tests/fuzz/sound.model",
      "--set",
      "data.extra_ids=10"};
  words.insert(words.end(), more.begin(), more.end());
  return run_program(words);
}

struct Expected {
  double log_likelihood;
  bool is_greedy;
};

std::vector<Expected> parse(const std::string& lines) {
  std::vector<Expected> all;
  simdjson::dom::parser parser;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    const simdjson::dom::element value = parser.parse(line);
    all.push_back({value["log_likelihood"].get_double(), value["is_greedy"].get_bool()});
  }
  return all;
}

TEST_CASE("loglikelihood: as lm-evaluation-harness on the export", "[loglikelihood_command]") {
  const std::string batch = GENERATE("1", "16", "1000");
  const auto outcome = loglikelihood(kRequests, {"--batch", batch});
  CAPTURE(batch, outcome.err);
  REQUIRE(outcome.code == 0);
  const auto found = parse(outcome.out), expected = parse(read_file(kRequests));
  REQUIRE(found.size() == expected.size());
  CHECK(expected.size() >= 40);
  for (size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i].log_likelihood == Approx(expected[i].log_likelihood).epsilon(1e-4));
    CHECK(found[i].is_greedy == expected[i].is_greedy);
  }
}

TEST_CASE("loglikelihood: blanks between the two belong to neither", "[loglikelihood_command]") {
  const std::string path = temporary_folder() + "/requests.jsonl";
  write_file(path,
             "{\"context\": \"the fox\", \"continuation\": \"dog\"}\n"
             "{\"context\": \"the fox  \", \"continuation\": \"dog\"}\n"
             "{\"context\": \"the fox\", \"continuation\": \" dog\"}\n");
  const auto found = parse(loglikelihood(path).out);
  REQUIRE(found.size() == 3);
  CHECK(found[1].log_likelihood == found[0].log_likelihood);
  CHECK(found[2].log_likelihood == found[0].log_likelihood);
}

TEST_CASE("loglikelihood: faults are one sentence", "[loglikelihood_command]") {
  using Case = std::pair<std::string, std::string>;
  const auto [lines, sentence] =
      GENERATE(Case{"{\"context\": \"a\"}\n", "line 1 of "},
               Case{"{\"context\": \"a\", \"continuation\": \" \"}\n", "has no token"},
               Case{"a\n", "expected {\"context\": \"text\""});
  const std::string path = temporary_folder() + "/requests.jsonl";
  write_file(path, lines);
  const auto outcome = loglikelihood(path);
  CHECK(outcome.code == 3);
  CHECK(outcome.out.empty());
  CHECK_THAT(outcome.err, Catch::Contains("error: ") && Catch::Contains(sentence));
  CHECK(loglikelihood("/nowhere.jsonl").code == 3);
}

}  // namespace
}  // namespace sy
