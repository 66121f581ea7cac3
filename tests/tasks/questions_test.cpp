// SPDX-License-Identifier: Apache-2.0
// SQuAD, closed-book questions and ARC.
#include <catch2/catch.hpp>

#include "tests/tasks/reading.h"

namespace sy {
namespace {
using namespace test;
using Targets = std::vector<std::string>;

TEST_CASE("questions: SQuAD pads punctuation and keeps every answer", "[questions]") {
  const auto examples = read_task("squad", R"({"version": "1.1", "data": [
    {"title": "T", "paragraphs": [{"context": " It cost  $5.\nThen (so) more.", "qas": [
      {"id": "1", "question": "How much?", "answers": [
        {"text": "$5", "answer_start": 8}, {"text": "5", "answer_start": 9}]}]}]},
    {"paragraphs": [{"context": "Caf\u00e9 no. 9", "qas": [
      {"id": "2", "question": "Which", "answers": [{"text": "no. 9", "answer_start": 5}]}]}]}]})");
  REQUIRE(examples.size() == 2);
  CHECK(examples[0].inputs == "question: How much ? context: It cost $ 5 . Then ( so ) more . ");
  CHECK(examples[0].targets == Targets{" $ 5", "5"});
  CHECK(examples[1].inputs == "question: Which context: Caf\u00e9 no . 9");
  CHECK(examples[1].targets == Targets{"no . 9"});
}

TEST_CASE("questions: SQuAD 2 without an answer, and test files without answers", "[questions]") {
  const auto examples = read_task("squad", R"({"data": [{"paragraphs": [{"context": "C", "qas": [
    {"question": "Q", "answers": [], "is_impossible": true}, {"question": "R"}]}]}]})");
  REQUIRE(examples.size() == 2);
  CHECK(examples[0].targets == Targets{""});
  CHECK(examples[1].targets == Targets{"<unk>"});
}

TEST_CASE("questions: NQ, WebQuestions and TriviaQA", "[questions]") {
  CHECK(one_example("natural_questions",
                    R"({"question": "who is it", "answer": ["Ann", "Ann B."]})") ==
        "nq question: who is it | Ann | Ann B.");
  CHECK(
      one_example("web_questions", R"json([{"url": "u", "utterance": "where is it?", "targetValue":
        "(list (description \"New (old) York\") (description London))"}])json") ==
      "wq question: where is it? | New (old) York | London");
  CHECK(one_example("web_questions", R"({"question": "where?", "answers": ["A", "B"]})") ==
        "wq question: where? | A | B");
  const auto trivia = read_task("trivia_qa", R"({"Data": [
    {"Question": " Who wrote it? ", "Answer": {"Value": "B", "Aliases": ["A", "B ", "C"]}},
    {"Question": "Who?"}], "Domain": "Web"})");
  REQUIRE(trivia.size() == 2);
  CHECK(trivia[0].inputs == "trivia_qa question: Who wrote it?");
  CHECK(trivia[0].targets == Targets{"B", "A", "C"});
  CHECK(trivia[1].targets == Targets{"<unk>"});
}

TEST_CASE("questions: ARC's choices, whose labels are letters or numbers", "[questions]") {
  CHECK(one_example("arc_easy", R"({"id": "1", "question": {"stem": "Which?", "choices": [
    {"text": "a cat", "label": "A"}, {"text": "a dog", "label": "B"}, {"text": "a hen", "label": "C"}]},
    "answerKey": "C"})") ==
        "arc_easy choice1: a cat choice2: a dog choice3: a hen question: Which? | choice3");
  CHECK(one_example("arc_challenge", R"({"question": {"stem": "Which?", "choices": [
    {"text": "x", "label": "1"}, {"text": "y", "label": "2"}]}, "answerKey": "2"})") ==
        "arc_challenge choice1: x choice2: y question: Which? | choice2");
  CHECK_THAT(task_fault("arc_easy", R"({"question": {"stem": "W", "choices": [
    {"text": "x", "label": "A"}]}, "answerKey": "D"})"),
             Catch::StartsWith("file:1: `answerKey` is 'D', which no choice has"));
}

}  // namespace
}  // namespace sy
