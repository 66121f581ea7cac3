// SPDX-License-Identifier: Apache-2.0
// Questions without a text that answers them, as in Roberts et al. 2020 ("How Much Knowledge Can
// You Pack Into the Parameters of a Language Model?"): NQ Open, WebQuestions and TriviaQA.
#include <fmt/core.h>

#include <algorithm>

#include "lib/tasks/example_reader.h"
#include "lib/tasks/labels.h"
#include "lib/tasks/task_tables.h"
#include "lib/tasks/text_rules.h"

namespace sy {
namespace {

void add(const char* word, std::string_view question, std::vector<std::string> answers,
         Examples& examples) {
  TextExample example;
  example.inputs = fmt::format("{} question: {}", word, question);
  example.targets = std::move(answers);
  examples.push_back(std::move(example));
}

void write_natural_questions(const JsonRecord& record, Examples& examples) {
  add("nq", record.text("question"), record.texts("answer"), examples);
}

// The descriptions of "(list (description "Jazmyn Bieber") (description London))".
std::vector<std::string> descriptions(const JsonRecord& record) {
  constexpr std::string_view kBegin = "(description ";
  std::string_view value = record.text("targetValue");
  std::vector<std::string> answers;
  for (size_t at; (at = value.find(kBegin)) != value.npos;) {
    value.remove_prefix(at + kBegin.size());
    const bool quoted = value.starts_with('"');
    const size_t end = quoted ? value.find("\")", 1) : value.find(')');
    if (end == value.npos) break;
    answers.emplace_back(quoted ? value.substr(1, end - 1) : value.substr(0, end));
    value.remove_prefix(end);
  }
  if (answers.empty()) record.at("targetValue").fail("holds no (description ...); correct it");
  return answers;
}

void write_web_questions(const JsonRecord& record, Examples& examples) {
  const bool original = record.has("utterance");
  add("wq", record.text(original ? "utterance" : "question"),
      original ? descriptions(record) : record.texts("answers"), examples);
}

std::vector<std::string> trivia_answers(const JsonRecord& record) {
  if (!record.has("Answer")) return {kUnlabelled};
  const JsonRecord answer = record.at("Answer");
  std::vector<std::string> answers = {std::string(strip(answer.text("Value")))};
  for (const JsonRecord& alias : answer.items("Aliases")) {
    const std::string_view text = strip(alias.as_text());
    const bool known = std::find(answers.begin(), answers.end(), text) != answers.end();
    if (!known) answers.emplace_back(text);
  }
  return answers;
}

void write_trivia(const JsonRecord& record, Examples& examples) {
  add("trivia_qa", strip(record.text("Question")), trivia_answers(record), examples);
}

}  // namespace

std::vector<Task> closed_book_tasks() {
  return {json_task({"natural_questions", {"squad"}, {}, {}}, write_natural_questions),
          json_task({"trivia_qa", {"trivia_qa"}, {}, {}}, write_trivia, "Data"),
          json_task({"web_questions", {"squad"}, {}, {}}, write_web_questions)};
}

}  // namespace sy
