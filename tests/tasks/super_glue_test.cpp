// SPDX-License-Identifier: Apache-2.0
// SuperGLUE's layouts in small, and those of ANLI and Winogrande, each with the text that its rule
// gives, written by hand.
#include <catch2/catch.hpp>

#include "tests/tasks/reading.h"

namespace sy {
namespace {
using namespace test;
using Targets = std::vector<std::string>;

TEST_CASE("super_glue: fields in alphabetical order, classes by name", "[super_glue]") {
  CHECK(
      one_example("super_glue_boolq",
                  R"({"question": "is it so", "passage": "It is so.", "idx": 3, "label": true})") ==
      "boolq passage: It is so. question: is it so | True");
  CHECK(one_example("super_glue_cb",
                    R"({"premise": "P.", "hypothesis": "H", "label": "neutral", "idx": 0})") ==
        "cb hypothesis: H premise: P. | neutral");
  CHECK(one_example("super_glue_rte", R"({"premise": "P.", "hypothesis": "H.", "idx": 0})") ==
        "rte hypothesis: H. premise: P. | <unk>");
  CHECK(one_example("super_glue_axb",
                    R"({"sentence1": "P.", "sentence2": "H.", "label": "not_entailment"})") ==
        "rte hypothesis: H. premise: P. | not_entailment");
  CHECK(one_example("super_glue_axg",
                    R"({"premise": "P.", "hypothesis": "H.", "label": "entailment"})") ==
        "rte hypothesis: H. premise: P. | entailment");
}

TEST_CASE("super_glue: WiC's word comes last", "[super_glue]") {
  CHECK(one_example("super_glue_wic",
                    R"({"word": "run", "sentence1": "A run.", "sentence2": "I run.", "idx": 0,
                        "label": false, "start1": 2, "start2": 2, "end1": 5, "end2": 5})") ==
        "wic sentence1: A run. sentence2: I run. word: run | False");
}

TEST_CASE("super_glue: COPA, and its completions turned back", "[super_glue]") {
  const std::string wanted =
      "copa choice1: The street got wet. choice2: I slept. premise: It rained. question: effect | "
      "choice1";
  CHECK(one_example("super_glue_copa",
                    R"({"premise": "It rained.", "choice1": "The street got wet.",
                        "choice2": "I slept.", "question": "effect", "label": 0, "idx": 1})") ==
        wanted);
  CHECK(one_example("super_glue_copa",
                    R"({"query": "It rained, therefore", "gold": 0,
                        "choices": ["the street got wet.", "i slept."]})") == wanted);
  CHECK_THAT(one_example("super_glue_copa",
                         R"({"query": "He ate, because", "gold": 1, "choices": ["a.", "b."]})"),
             Catch::EndsWith("premise: He ate. question: cause | choice2"));
}

TEST_CASE("super_glue: MultiRC's answers, grouped by question", "[super_glue]") {
  const auto examples = read_task("super_glue_multirc", R"({"idx": 4, "passage": {
    "text": "<b>Sent 1: </b>A hen sat.<br><b>Sent 2: </b>It left.<br>", "questions": [
      {"idx": 7, "question": "Who <b>sat</b>?", "answers": [
        {"idx": 0, "text": "A hen", "label": 1}, {"idx": 1, "text": "A dog", "label": 0}]},
      {"idx": 8, "question": "Why?", "answers": [{"idx": 2, "text": "No reason"}]}]}})");
  REQUIRE(examples.size() == 3);
  CHECK(examples[0].inputs ==
        "multirc question: Who sat? answer: A hen paragraph: Sent 1: A hen sat. Sent 2: It left. ");
  CHECK(examples[0].targets == Targets{"True"});
  CHECK(examples[1].targets == Targets{"False"});
  CHECK(examples[2].targets == Targets{"<unk>"});
  CHECK(examples[0].group == examples[1].group);
  CHECK(examples[0].group == "4/7");
  CHECK(examples[2].group == "4/8");
}

TEST_CASE("super_glue: ReCoRD's answers, each an example that accepts all", "[super_glue]") {
  const auto examples = read_task("super_glue_record", R"({"idx": 2, "passage": {
    "text": "\u00c9va met Ann.\n@highlight\nBob left\n@highlight\n\u00c9va stayed",
    "entities": [{"start": 8, "end": 10}, {"start": 0, "end": 2}, {"start": 8, "end": 10}]},
    "qas": [{"idx": 5, "query": "@placeholder left.", "answers": [
              {"start": 20, "end": 22, "text": "Bob"}, {"start": 8, "end": 10, "text": "Ann"},
              {"start": 20, "end": 22, "text": "Bob"}]},
            {"idx": 6, "query": "Was it @placeholder?"}]})");
  REQUIRE(examples.size() == 3);
  const std::string rest =
      " entities: Ann, \u00c9va passage: \u00c9va met Ann. Bob left. \u00c9va stayed";
  CHECK(examples[0].inputs == "record query: @placeholder left." + rest);
  CHECK(examples[0].targets == Targets{"Ann", "Bob"});
  CHECK(examples[1].inputs == examples[0].inputs);
  CHECK(examples[1].targets == Targets{"Bob", "Ann"});
  CHECK(examples[0].group == "2/5");
  CHECK(examples[1].group == "2/5");
  CHECK(examples[2].inputs == "record query: Was it @placeholder?" + rest);
  CHECK(examples[2].targets == Targets{"<unk>"});
}

TEST_CASE("super_glue: ANLI and Winogrande by the same rule", "[super_glue]") {
  CHECK(one_example("anli", R"({"uid": "u", "context": "C.", "hypothesis": "H.", "label": "c",
                                "reason": ""})") ==
        "anli context: C. hypothesis: H. | contradiction");
  CHECK(one_example("winogrande",
                    R"({"qID": "q", "sentence": "The cup fell as _ was wet.", "option1": "cup",
                        "option2": "hand", "answer": "2"})") ==
        "winogrande option1: cup option2: hand sentence: The cup fell as _ was wet. | option2");
  CHECK_THAT(one_example("winogrande",
                         R"({"sentence": "_ s", "option1": "a", "option2": "b", "answer": ""})"),
             Catch::EndsWith(" | <unk>"));
}

}  // namespace
}  // namespace sy
