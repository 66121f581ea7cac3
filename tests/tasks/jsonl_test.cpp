// SPDX-License-Identifier: Apache-2.0
// A user's own files, and what is common to all tasks.
#include <catch2/catch.hpp>

#include <algorithm>

#include "lib/base/error.h"
#include "lib/tasks/task.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"
#include "tests/tasks/reading.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("jsonl: texts as they are, one target or several", "[jsonl]") {
  CHECK(one_example("jsonl", R"({"input": " a\tb ", "target": "c\n"})") == " a\tb  | c\n");
  CHECK(one_example("jsonl", R"({"inputs": "a", "targets": ["b", "c"], "other": 1})") ==
        "a | b | c");
  CHECK(read_task("jsonl", R"({"inputs": "a", "target": "b", "group": 7})").at(0).group == "7");
}

TEST_CASE("jsonl: several files, compressed or not, one after another", "[jsonl]") {
  const std::string folder = temporary_folder() + "/";
  write_file(folder + "a", R"({"input": "1", "target": "x"})");
  write_file(folder + "b", gzip("{\"input\": \"2\", \"target\": \"x\"}\n"));
  write_file(folder + "c", zstd("{\"input\": \"3\", \"target\": \"x\"}\n"));
  std::string inputs;
  for (const TextExample& example : read_files("jsonl", {folder + "*"})) inputs += example.inputs;
  CHECK(inputs == "123");
}

TEST_CASE("jsonl: every form opens, and has metrics that are known", "[jsonl]") {
  const std::vector<std::string> known = {
      "accuracy", "bleu",     "exact_match",       "f1",        "f1_macro",
      "matthews", "multirc",  "pearson",           "record",    "rouge",
      "squad",    "spearman", "sequence_accuracy", "trivia_qa", "wsc"};
  const std::vector<std::string> forms = task_forms();
  CHECK(forms.size() > 40);
  CHECK(std::is_sorted(forms.begin(), forms.end()));
  CHECK(std::adjacent_find(forms.begin(), forms.end()) == forms.end());
  for (const std::string& form : forms) {
    const Task* task = find_task(form);
    REQUIRE(task != nullptr);
    CHECK(task->name == form);
    CHECK(task->open != nullptr);
    CHECK_FALSE(task->metrics.empty());
    for (const std::string& metric : task->metrics) {
      CHECK(std::find(known.begin(), known.end(), metric) != known.end());
    }
  }
}

TEST_CASE("jsonl: an unknown form names the nearest", "[jsonl]") {
  CHECK(find_task("glue_mrcp") == nullptr);
  CHECK(message_of<ConfigError>([] { task_of("glue_mrcp", "data.tasks[0].form"); }) ==
        "data.tasks[0].form: there is no task 'glue_mrcp'; did you mean 'glue_mrpc'?");
  CHECK_THAT(message_of<ConfigError>([] { task_of("translation of poems", "x"); }),
             Catch::Contains("docs/tasks.md"));
}

}  // namespace
}  // namespace sy
