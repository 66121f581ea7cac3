// SPDX-License-Identifier: Apache-2.0
// COPA, from SuperGLUE's objects or from those of completions, {query, choices, gold}, in which
// premise and question have become the beginning of a sentence: "It rained, therefore". That form
// is turned back into COPA's own words, so that both give the same text.
#include <fmt/core.h>

#include <array>
#include <cctype>

#include "lib/tasks/example_reader.h"
#include "lib/tasks/labels.h"
#include "lib/tasks/task_tables.h"

namespace sy {
namespace {

constexpr std::array<std::string_view, 2> kChoices = {"choice1", "choice2"};

struct Copa {
  std::string premise, question;
  std::array<std::string, 2> choices;
};

Copa read_object(const JsonRecord& record) {
  Copa copa;
  copa.premise = record.text("premise");
  copa.question = record.text("question");
  for (size_t i = 0; i < kChoices.size(); ++i) copa.choices[i] = record.text(kChoices[i]);
  return copa;
}

struct Joint {
  std::string_view ending, question;
};
constexpr Joint kJoints[] = {{", because", "cause"}, {", therefore", "effect"}};

Copa read_completion(const JsonRecord& record) {
  Copa copa;
  const std::string_view query = record.text("query");
  for (const Joint& joint : kJoints) {
    if (!query.ends_with(joint.ending)) continue;
    copa.premise = fmt::format("{}.", query.substr(0, query.size() - joint.ending.size()));
    copa.question = joint.question;
  }
  if (copa.question.empty()) {
    record.at("query").fail("ends neither in ', because' nor in ', therefore'; correct it");
  }
  const std::vector<std::string> choices = record.texts("choices");
  if (choices.size() != copa.choices.size()) record.at("choices").fail("is not of two; correct it");
  for (size_t i = 0; i < choices.size(); ++i) {
    copa.choices[i] = choices[i];
    if (choices[i].empty()) continue;
    copa.choices[i][0] =
        static_cast<char>(std::toupper(static_cast<unsigned char>(choices[i].front())));
  }
  return copa;
}

void write(const JsonRecord& record, Examples& examples) {
  const bool completion = record.has("query");
  const Copa copa = completion ? read_completion(record) : read_object(record);
  TextExample example;
  example.inputs = fmt::format("copa choice1: {} choice2: {} premise: {} question: {}",
                               copa.choices[0], copa.choices[1], copa.premise, copa.question);
  example.targets = {
      class_name(record.label(completion ? "gold" : "label"), kChoices, record.place())};
  examples.push_back(std::move(example));
}

}  // namespace

std::vector<Task> copa_tasks() {
  return {
      json_task({"super_glue_copa", {"accuracy"}, {kChoices.begin(), kChoices.end()}, {}}, write)};
}

}  // namespace sy
