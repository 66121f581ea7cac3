// SPDX-License-Identifier: Apache-2.0
// Every metric beside the package that defines it: tests/reference/scores.py wrote scores.json.
#include "lib/tasks/scores.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/tasks/support.h"

namespace sy {
namespace {

using test::AnswerSet;

Json read_sets() {
  constexpr JsonLimits kLimits{.bytes = 1 << 20, .depth = 16};
  const std::string path = SY_SOURCE_DIR "/tests/tasks/scores.json";
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return parse_json(text.str(), path, kLimits);
}

// The text that codes stand for (tests/reference/score_answers.py).
std::string decode(const std::string& codes, const Json& pieces) {
  std::string text;
  for (const char code : codes) {
    const std::string key(1, code);
    text += pieces.contains(key) ? pieces.at(key).get<std::string>() : key;
  }
  return text;
}

AnswerSet answers_of(const Json& set) {
  AnswerSet answers;
  for (const Json& row : set.at("answers")) {
    std::vector<std::string> targets;
    for (size_t i = 1; i < row.size(); ++i) targets.push_back(decode(row[i], set.at("pieces")));
    answers.add(decode(row[0], set.at("pieces")), targets);
  }
  for (size_t i = 0; i < answers.examples.size(); ++i) {
    if (set.contains("groups")) answers.examples[i].group = set["groups"][i];
    if (set.contains("right")) answers.examples[i].right = set["right"][i];
  }
  return answers;
}

bool is_close(double ours, const Json& expected) {
  constexpr double kTolerance = 1e-9;
  if (expected.is_null()) return std::isnan(ours);
  const double theirs = expected;
  return std::abs(ours - theirs) <= kTolerance * std::max(1.0, std::abs(theirs));
}

void check_metric(const Json& set, const std::string& metric, const AnswerSet& answers) {
  const std::vector<std::string> labels = set.at("labels");
  const Json& expected = set.at("scores").at(metric);
  const size_t all = answers.examples.size();
  const size_t batch = set.at("batch") == 0 ? all : set.at("batch").get<size_t>();
  std::string faults;
  for (size_t begin = 0; begin < all; begin += batch) {
    const std::vector<Answer> part = answers.part(begin, std::min(all, begin + batch));
    const std::vector<Score> scores = score(metric, part, labels);
    REQUIRE(scores.size() == expected.size());
    for (const Score& score : scores) {
      const Json& value = expected.at(score.name).at(begin / batch);
      if (is_close(score.value, value)) continue;
      faults += fmt::format("answers from {}: {} is {}, not {}\n", begin, score.name, score.value,
                            value.dump());
    }
  }
  CAPTURE(set.at("name").get<std::string>(), metric);
  CHECK(faults == "");
}

TEST_CASE("scores: as the packages that define them", "[scores]") {
  size_t answers_seen = 0;
  std::vector<std::string> metrics_seen;
  for (const Json& set : read_sets()) {
    const AnswerSet answers = answers_of(set);
    answers_seen += answers.examples.size();
    for (const auto& [metric, scores] : set.at("scores").items()) {
      check_metric(set, metric, answers);
      metrics_seen.push_back(metric);
    }
  }
  CHECK(answers_seen > 6000);
  for (const std::string& metric : metric_names()) {
    CAPTURE(metric);
    CHECK(std::count(metrics_seen.begin(), metrics_seen.end(), metric) > 0);
  }
}

double value_of(const std::vector<Score>& scores, const std::string& name) {
  for (const Score& score : scores) {
    if (score.name == name) return score.value;
  }
  FAIL("no score " << name);
  return 0;
}

TEST_CASE("scores: SQuAD's and TriviaQA's answers in T5's own tests", "[scores]") {
  AnswerSet answers;
  answers.add("\u2018a big  Moose!\u2018", {"big moose", "hippo"});
  answers.add("wrong", {"correct1"});
  answers.add("correct2.2", {"correct2.1", "correct2.2"});
  answers.add("c", {"a", "b"});
  const auto squad = score("squad", answers.all());
  CHECK(value_of(squad, "em") == Approx(25));
  CHECK(value_of(squad, "f1") == Approx(35));
  const auto trivia_qa = score("trivia_qa", answers.all());
  CHECK(value_of(trivia_qa, "em") == Approx(50));
  CHECK(value_of(trivia_qa, "f1") == Approx(50));
}

TEST_CASE("scores: MultiRC counts a question right if all its answers are", "[scores]") {
  AnswerSet answers;
  answers.add("True", {"True"}, "q1");
  answers.add("False", {"True"}, "q2");
  answers.add("False", {"False"}, "q1");
  answers.add("True", {"True"}, "q2");
  answers.add("?", {"False"});  // no label, and a question of its own
  const auto scores = score("multirc", answers.all());
  CHECK(value_of(scores, "exact_match") == Approx(100.0 / 3));
  CHECK(value_of(scores, "f1") == Approx(100 * 2 * 2 / (2 * 2 + 1 + 1.0)));
}

TEST_CASE("scores: ReCoRD scores one copy of a query", "[scores]") {
  AnswerSet answers;
  answers.add("Anna", {"Anna", "Bob"}, "1");
  answers.add("Carl", {"Anna", "Bob"}, "1");
  answers.add("Carl", {"Dora"}, "2");
  CHECK(value_of(score("record", answers.all()), "em") == Approx(50));
}

TEST_CASE("scores: what cannot be scored", "[scores]") {
  const std::vector<std::string> labels{"no", "yes"};
  CHECK_THROWS_WITH(score("squad", {}), Catch::Contains("no examples to score"));
  AnswerSet answers;
  answers.add("yes", {"maybe"});
  CHECK_THROWS_WITH(score("f1", answers.all(), labels),
                    Catch::Contains("example 1, 'maybe', is not a label"));
  CHECK_THROWS_AS(score("f1", answers.all(), labels), DataError);
  CHECK_THROWS_AS(score("f1", answers.all()), InternalError);
  CHECK_THROWS_AS(score("f2", answers.all()), InternalError);
  answers.examples[0].targets.clear();
  CHECK_THROWS_WITH(score("rouge", answers.all()), Catch::Contains("example 1 has no target"));
}

TEST_CASE("scores: GLUE's and SuperGLUE's averages", "[scores]") {
  std::vector<FormScores> glue{{"glue_cola", {{"matthews_corrcoef", 40}}},
                               {"glue_sst2", {{"accuracy", 90}}},
                               {"glue_mrpc", {{"f1", 80}, {"accuracy", 70}}},
                               {"glue_stsb", {{"pearson_corrcoef", 60}, {"spearman_corrcoef", 50}}},
                               {"glue_qqp", {{"f1", 85}, {"accuracy", 95}}},
                               {"glue_mnli_matched", {{"accuracy", 80}}},
                               {"glue_mnli_mismatched", {{"accuracy", 82}}},
                               {"glue_qnli", {{"accuracy", 88}}},
                               {"glue_rte", {{"accuracy", 65}}}};
  const double mean = (40 + 90 + 75 + 55 + 90 + 81 + 88 + 65) / 8.0;
  CHECK(glue_average(glue) == std::optional<double>(mean));
  glue.push_back({"glue_wnli", {{"accuracy", 1}}});
  glue.push_back({"super_glue_rte", {{"accuracy", 1}}});
  CHECK(glue_average(glue) == std::optional<double>(mean));
  glue.erase(glue.begin());
  CHECK(glue_average(glue) == std::nullopt);

  std::vector<FormScores> super_glue;
  for (const char* task : {"boolq", "cb", "copa", "multirc", "record", "rte", "wic"}) {
    super_glue.push_back({std::string("super_glue_") + task, {{"a", 70}, {"b", 90}}});
  }
  CHECK(super_glue_average(super_glue) == std::nullopt);
  super_glue.push_back({"super_glue_wsc", {{"accuracy", 72}}});
  CHECK(super_glue_average(super_glue) == std::optional<double>(79));
  CHECK(benchmark_averages(glue).empty());
  const std::vector<Score> averages = benchmark_averages(super_glue);
  REQUIRE(averages.size() == 1);
  CHECK(averages[0].name == "super_glue");
  CHECK(averages[0].value == 79);
}

}  // namespace
}  // namespace sy
