// SPDX-License-Identifier: Apache-2.0
// MultiRC: an example for each answer of each question of a paragraph. T5 takes the paragraph's
// bold letters and line breaks of HTML out of the whole text.
#include <fmt/core.h>

#include "lib/tasks/example_reader.h"
#include "lib/tasks/labels.h"
#include "lib/tasks/task_tables.h"
#include "lib/tasks/text_rules.h"

namespace sy {
namespace {

constexpr std::string_view kTruth[] = {"False", "True"};

void write(const JsonRecord& record, Examples& examples) {
  const JsonRecord passage = record.at("passage");
  const std::string_view paragraph = passage.text("text");
  for (const JsonRecord& question : passage.items("questions")) {
    for (const JsonRecord& answer : question.items("answers")) {
      TextExample example;
      example.inputs = fmt::format("multirc question: {} answer: {} paragraph: {}",
                                   question.text("question"), answer.text("text"), paragraph);
      replace_all(example.inputs, "<br>", " ");
      replace_all(example.inputs, "<b>", "");
      replace_all(example.inputs, "</b>", "");
      example.targets = {class_name(answer.label("label"), kTruth, answer.place())};
      example.group = fmt::format("{}/{}", record.integer("idx"), question.integer("idx"));
      examples.push_back(std::move(example));
    }
  }
}

}  // namespace

std::vector<Task> multirc_tasks() {
  return {json_task({"super_glue_multirc", {"multirc"}, {"False", "True"}, {}}, write)};
}

}  // namespace sy
