// SPDX-License-Identifier: Apache-2.0
// ARC, Easy and Challenge: "arc_easy choice1: TEXT ... question: TEXT" and the name of the right
// choice, the rule of COPA's texts for up to nine choices; T5's public code has no ARC.
#include <fmt/core.h>

#include "lib/tasks/example_reader.h"
#include "lib/tasks/labels.h"
#include "lib/tasks/task_tables.h"

namespace sy {
namespace {

// The name of the choice whose label the key gives: A, B, ... or 1, 2, ...
std::string right_choice(const JsonRecord& record, const std::vector<std::string>& labels) {
  const std::optional<std::string> key = record.label("answerKey");
  if (!key || key->empty()) return kUnlabelled;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == *key) return fmt::format("choice{}", i + 1);
  }
  record.at("answerKey").fail(fmt::format("is '{}', which no choice has; correct it", *key));
}

void write(const std::string& word, const JsonRecord& record, Examples& examples) {
  const JsonRecord question = record.at("question");
  TextExample example;
  example.inputs = word;
  std::vector<std::string> labels;
  for (const JsonRecord& choice : question.items("choices")) {
    labels.push_back(choice.at("label").as_label());
    example.inputs += fmt::format(" choice{}: {}", labels.size(), choice.text("text"));
  }
  example.inputs += fmt::format(" question: {}", question.text("stem"));
  example.targets = {right_choice(record, labels)};
  examples.push_back(std::move(example));
}

}  // namespace

std::vector<Task> arc_tasks() {
  std::vector<Task> tasks;
  for (const std::string name : {"arc_challenge", "arc_easy"}) {
    tasks.push_back(
        json_task({name, {"accuracy"}, {}, {}},
                  [name](const JsonRecord& record, Examples& out) { write(name, record, out); }));
  }
  return tasks;
}

}  // namespace sy
