// SPDX-License-Identifier: Apache-2.0
// Every kind of fault names file, line and what is to be done.
#include <catch2/catch.hpp>

#include "tests/tasks/reading.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("task_faults: records of JSON", "[task_faults]") {
  CHECK(task_fault("xsum", "{\"document\": \"d\", \"summary\": \"s\"}\n{\"document\": \"d\"}\n") ==
        "file:2: `summary` is missing; add it, or correct the task's form");
  CHECK(task_fault("xsum", "{\"document\": [\"d\"], \"summary\": \"s\"}\n") ==
        "file:1: `document` is a list and not a string; correct it, or the task's form");
  CHECK_THAT(task_fault("xsum", "{\"document\": \"d\" \"summary\": \"s\"}\n"),
             Catch::StartsWith("file:1: the record is not JSON ("));
  CHECK_THAT(task_fault("xsum", "{\"document\": \"\xFF\", \"summary\": \"s\"}\n"),
             Catch::StartsWith("file:1: the record is not JSON ("));
  CHECK(task_fault("jsonl", R"({"input": "a", "targets": []})") ==
        "file:1: `targets` is an empty list; give at least one text");
  CHECK(task_fault("squad",
                   R"({"data": [{"paragraphs": [{"context": "C", "qas": [{"answers": []}]}]}]})") ==
        "file:1: `data[0].paragraphs[0].qas[0].question` is missing; add it, or correct the task's "
        "form");
  CHECK_THAT(task_fault("super_glue_multirc", R"({"idx": 0, "passage": 5})"),
             Catch::StartsWith("file:1: `passage` is a number and not an object"));
  CHECK_THAT(task_fault("super_glue_copa", R"({"query": "It rained", "choices": ["a", "b"]})"),
             Catch::StartsWith("file:1: `query` ends neither in"));
  CHECK_THAT(task_fault("web_questions", R"json({"utterance": "q", "targetValue": "(list)"})json"),
             Catch::StartsWith("file:1: `targetValue` holds no"));
}

TEST_CASE("task_faults: rows of TSV", "[task_faults]") {
  const std::string header = "index\tsentence1\tsentence2\tlabel\n";
  CHECK(task_fault("glue_rte", header + "0\ta\tb\tentailment\n1\ta\n") ==
        "file:3: the row ends before its column 'sentence2'; complete the row or leave it out");
  CHECK(task_fault("glue_rte", "index\tsentence1\tlabel\n0\ta\tentailment\n") ==
        "file:2: the file has no column 'sentence2' but 'index', 'sentence1', 'label'; give it a "
        "header, or correct the task's form");
  CHECK_THAT(task_fault("glue_rte", "0\ta\tb\tentailment\n"),
             Catch::StartsWith("file:1: the file has no column 'sentence1' but '0', 'a'"));
  CHECK_THAT(task_fault("glue_stsb", "sentence1\tsentence2\tscore\na\tb\thigh\n"),
             Catch::StartsWith("file:2: the score 'high' is no number"));
}

TEST_CASE("task_faults: labels that no class has", "[task_faults]") {
  CHECK(task_fault("glue_rte", "sentence1\tsentence2\tlabel\na\tb\tneutral\n") ==
        "file:2: the label 'neutral' is none of entailment, not_entailment and no number from 0 to "
        "1; correct it, or the task's form");
  CHECK_THAT(task_fault("super_glue_boolq", R"({"passage": "p", "question": "q", "label": 2})"),
             Catch::StartsWith("file:1: the label '2' is none of False, True"));
  CHECK_THAT(task_fault("anli", R"({"context": "c", "hypothesis": "h", "label": "x"})"),
             Catch::StartsWith("file:1: the label 'x'"));
}

TEST_CASE("task_faults: empty files, of every form", "[task_faults]") {
  for (const char* form : {"glue_cola", "super_glue_rte", "squad", "cnn_dailymail", "wmt_en_fr",
                           "dpr_simple", "jsonl"}) {
    INFO(form);
    CHECK(task_fault(form, "") == "the file file is empty; fetch it again, or name another one");
  }
}

}  // namespace
}  // namespace sy
