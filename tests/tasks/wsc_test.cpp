// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <catch2/catch.hpp>

#include "tests/tasks/reading.h"

namespace sy {
namespace {
using namespace test;

std::string schema(const std::string& text, const std::string& noun, int noun_index,
                   const std::string& pronoun, int pronoun_index, const std::string& label) {
  return fmt::format(R"({{"text": "{}", "target": {{"span1_text": "{}", "span1_index": {},
                         "span2_text": "{}", "span2_index": {}}}, "idx": 0{}}})",
                     text, noun, noun_index, pronoun, pronoun_index,
                     label.empty() ? "" : ", \"label\": " + label);
}

TEST_CASE("wsc: spans marked, wherever the pronoun stands", "[wsc]") {
  CHECK(one_example("super_glue_wsc", schema("Ann told the old cook that she won .", "the old cook",
                                             2, "she", 6, "true")) ==
        "wsc text: Ann told * the old cook * that # she # won . | True");
  CHECK(one_example("super_glue_wsc",
                    schema("As she won , Ann sang .", "Ann", 4, "she", 1, "false")) ==
        "wsc text: As # she # won , * Ann * sang . | False");
  CHECK(one_example("super_glue_wsc", schema("As she won, Ann sang.", "Ann", 2, "she", 1, "")) ==
        "wsc text: As # she # won, Ann sang. | <unk>");  // no Ann at word 2
}

TEST_CASE("wsc: spans are mended as in wsc.fixed", "[wsc]") {
  CHECK(one_example("super_glue_wsc",
                    schema("The cook saw a cat as it ran .", "the cook.", 0, "It", 6, "true")) ==
        "wsc text: * The cook * saw a cat as # it # ran . | True");
}

TEST_CASE("wsc: right referents to train on, all to score", "[wsc]") {
  const std::string text = "Mia asked Tom if he could lend her a pen.";
  CHECK(one_example("super_glue_wsc_simple_train", schema(text, "Tom", 2, "he", 4, "true")) ==
        "wsc: Mia asked Tom if *he* could lend her a pen. | Tom");
  CHECK(one_example("super_glue_wsc_simple_train", schema(text, "Mia", 0, "he", 4, "false")) ==
        "0 examples");
  const std::string both =
      schema(text, "Tom", 2, "he", 4, "true") + schema(text, "Mia", 0, "he", 4, "false");
  const auto examples = read_task("super_glue_wsc_simple_eval", both);
  REQUIRE(examples.size() == 2);
  CHECK(examples[0].right);
  CHECK_FALSE(examples[1].right);
  CHECK(examples[1].inputs == examples[0].inputs);
  CHECK(examples[1].targets == std::vector<std::string>{"Mia"});
}

TEST_CASE("wsc: a pronoun with punctuation, or behind its index", "[wsc]") {
  CHECK(one_example("super_glue_wsc_simple_train",
                    schema("He helped. \\\"Good for him,\\\" she said. ", "He", 0, "him", 4,
                           "true")) == "wsc: He helped. \"Good for *him* ,\" she said. | He");
  CHECK(one_example("super_glue_wsc_simple_train", schema("Leave the pen , Tom may use it , now.",
                                                          "the pen", 1, "it", 6, "true")) ==
        "wsc: Leave the pen , Tom may use *it* , now. | the pen");
  CHECK_THAT(task_fault("super_glue_wsc_simple_train",
                        schema("A pen fell .", "A pen", 0, "it", 1, "true")),
             Catch::StartsWith("file:1: `target` has a span2_text that is not in the text"));
}

TEST_CASE("wsc: definite pronouns in four lines", "[wsc]") {
  const auto examples =
      read_task("dpr_simple",
                "Tom asked Bob if he, the heir, may stay.\nhe\nTom,Bob\nTom\n\n"
                "The bee stung because the fool hit it.\nit\nThe fool, The bee\nThe bee\n");
  REQUIRE(examples.size() == 2);
  CHECK(examples[0].inputs == "wsc: Tom asked Bob if *he*, the heir, may stay.");
  CHECK(examples[0].targets == std::vector<std::string>{"Tom"});
  CHECK(examples[1].inputs == "wsc: The bee stung because the fool hit *it*.");
  CHECK(examples[1].targets == std::vector<std::string>{"The bee"});
  CHECK_THAT(task_fault("dpr_simple", "A b.\nhe\n\nx\n"),
             Catch::StartsWith("file:1: the sentence has no"));
  CHECK_THAT(task_fault("dpr_simple", "A b.\nhe\nAnn,Bob\nEve\n"),
             Catch::StartsWith("file:4: 'Eve' is none of the candidates 'Ann,Bob'"));
}

}  // namespace
}  // namespace sy
