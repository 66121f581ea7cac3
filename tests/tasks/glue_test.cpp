// SPDX-License-Identifier: Apache-2.0
// GLUE's layouts in small, each with the text that its rule gives, written by hand.
#include <catch2/catch.hpp>

#include "tests/tasks/reading.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("glue: columns by their names, whatever else the file has", "[glue]") {
  CHECK(one_example("glue_mrpc",
                    "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n"
                    "1\t17\t18\t\" It rains , he said .\tIt is \"raining .\r\n") ==
        "mrpc sentence1: \" It rains , he said . sentence2: It is \"raining . | equivalent");
  CHECK(one_example("glue_sst2", "sentence\tlabel\na warm , funny film \t1\n") ==
        "sst2 sentence: a warm , funny film  | positive");
  CHECK(
      one_example("glue_qnli",
                  "index\tquestion\tsentence\tlabel\n0\tWhat is it?\tIt is a hen.\tentailment\n") ==
      "qnli question: What is it? sentence: It is a hen. | entailment");
  CHECK(one_example("glue_rte",
                    "index\tsentence1\tsentence2\tlabel\n0\tA b.\tC.\tnot_entailment\n") ==
        "rte sentence1: A b. sentence2: C. | not_entailment");
  CHECK(one_example("glue_wnli", "index\tsentence1\tsentence2\tlabel\n0\tA b.\tC.\t1\n") ==
        "wnli sentence1: A b. sentence2: C. | entailment");
}

TEST_CASE("glue: MNLI's premise is its first sentence and comes second", "[glue]") {
  const char* const wanted = "mnli hypothesis: No dog. premise: A dog. | contradiction";
  CHECK(one_example("glue_mnli",
                    "index\tgenre\tsentence1_parse\tsentence1\tsentence2\tlabel1\tgold_label\n"
                    "0\tfiction\t( A dog )\tA dog.\tNo dog.\tneutral\tcontradiction\n") == wanted);
  CHECK(one_example("glue_ax", "index\tsentence1\tsentence2\n0\tA dog.\tNo dog.\n") ==
        "mnli hypothesis: No dog. premise: A dog. | <unk>");
}

TEST_CASE("glue: CoLA has a header in its test files only", "[glue]") {
  CHECK(one_example("glue_cola", "gj04\t1\t\tThey ate.\n") ==
        "cola sentence: They ate. | acceptable");
  CHECK(one_example("glue_cola", "gj04\t0\t*\tThey eated.\n") ==
        "cola sentence: They eated. | unacceptable");
  CHECK(one_example("glue_cola", "index\tsentence\n0\tThey ate.\n") ==
        "cola sentence: They ate. | <unk>");
}

TEST_CASE("glue: QQP's rows that a newline has broken are passed over", "[glue]") {
  const auto examples = read_task("glue_qqp",
                                  "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
                                  "1\t2\t3\tHow?\tWhy?\t0\n"
                                  "4\t5\t6\tWhat\n"
                                  "is it?\tWhat?\t1\n"
                                  "7\t8\t9\tWho?\tWho is it?\t1\n");
  REQUIRE(examples.size() == 2);
  CHECK(examples[0].inputs == "qqp question1: How? question2: Why?");
  CHECK(examples[0].targets == std::vector<std::string>{"not_duplicate"});
  CHECK(examples[1].targets == std::vector<std::string>{"duplicate"});
}

TEST_CASE("glue: STS-B's scores in fifths, ties to the even one", "[glue]") {
  const auto target = [](const std::string& score) {
    const auto examples =
        read_task("glue_stsb", "index\tsentence1\tsentence2\tscore\n0\tA.\tB.\t" + score + "\n");
    CHECK(examples.at(0).inputs == "stsb sentence1: A. sentence2: B.");
    return examples.at(0).targets.at(0);
  };
  CHECK(target("5.000") == "5.0");
  CHECK(target("0") == "0.0");
  CHECK(target("2.615") == "2.6");
  CHECK(target("4.75") == "4.8");
  CHECK(target("0.5") == "0.4");  // 2.5 fifths
  CHECK(target("2.5") == "2.4");  // 12.5 fifths
  CHECK(target("3.5") == "3.6");  // 17.5 fifths
  CHECK(target("2.333") == "2.4");
  CHECK(one_example("glue_stsb", "index\tsentence1\tsentence2\n0\tA.\tB.\n") ==
        "stsb sentence1: A. sentence2: B. | -1.0");
}

}  // namespace
}  // namespace sy
