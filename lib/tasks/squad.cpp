// SPDX-License-Identifier: Apache-2.0
// SQuAD's nested JSON: "question: QUESTION context: PARAGRAPH" with spaces around punctuation. A
// question of version 2 that the paragraph does not answer has the empty text as its answer, as
// that version's own scorer has.
#include "lib/tasks/example_reader.h"
#include "lib/tasks/labels.h"
#include "lib/tasks/task_tables.h"
#include "lib/tasks/text_rules.h"

namespace sy {
namespace {

std::vector<std::string> answers_of(const JsonRecord& question) {
  if (!question.has("answers")) return {kUnlabelled};
  std::vector<std::string> answers;
  for (const JsonRecord& answer : question.items("answers")) {
    answers.push_back(pad_punctuation(answer.text("text")));
  }
  if (answers.empty()) answers.emplace_back();
  return answers;
}

void write(const JsonRecord& article, Examples& examples) {
  for (const JsonRecord& paragraph : article.items("paragraphs")) {
    const std::string context = pad_punctuation(paragraph.text("context"));
    for (const JsonRecord& question : paragraph.items("qas")) {
      TextExample example;
      example.inputs = collapse_spaces("question: " + pad_punctuation(question.text("question")) +
                                       " context: " + context);
      example.targets = answers_of(question);
      examples.push_back(std::move(example));
    }
  }
}

}  // namespace

std::vector<Task> squad_tasks() {
  return {json_task({"squad", {"squad"}, {}, {}}, write, "data")};
}

}  // namespace sy
