// SPDX-License-Identifier: Apache-2.0
// The Winograd schemas of SuperGLUE in T5's two forms: both spans marked, and whether they mean the
// same; or the pronoun marked, and a noun as target, to train on right ones only and to score all.
#include <fmt/core.h>

#include <algorithm>
#include <cctype>

#include "lib/tasks/example_reader.h"
#include "lib/tasks/labels.h"
#include "lib/tasks/task_tables.h"
#include "lib/tasks/text_rules.h"

namespace sy {
namespace {

constexpr std::string_view kTruth[] = {"False", "True"};

struct Span {
  std::string text;
  int64_t index = 0;  // of its first word
};

struct Schema {
  std::string text;
  Span noun, pronoun;
};

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

// The first letter of word number `index`, words being what white space separates.
char first_letter(std::string_view text, int64_t index) {
  int64_t word = -1;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool begins = !is_space(text[at]) && (at == 0 || is_space(text[at - 1]));
    if (begins && ++word == index) return text[at];
  }
  return '\0';
}

// Makes a span a part of the text, as the data set "wsc.fixed" does: the case of its first letter,
// no full stop, no line break.
void mend(Span& span, Schema& schema) {
  if (span.text.empty() || schema.text.find(span.text) != std::string::npos) return;
  // Other words stand between the names, so that nothing can be mended.
  if (span.text == "Kamenev and Zinoviev" || span.text == "Kamenev, Zinoviev, and Stalin") return;
  const auto first = static_cast<unsigned char>(span.text[0]);
  const bool lower =
      std::islower(static_cast<unsigned char>(first_letter(schema.text, span.index))) != 0;
  if (span.text.find("theyscold") != std::string::npos) schema.pronoun.index = 10;
  span.text[0] = static_cast<char>(lower ? std::tolower(first) : std::toupper(first));
  while (span.text.ends_with('.')) span.text.pop_back();
  std::replace(span.text.begin(), span.text.end(), '\n', ' ');
}

Schema read_schema(const JsonRecord& record) {
  const JsonRecord target = record.at("target");
  Schema schema;
  schema.text = record.text("text");
  schema.noun = {std::string(target.text("span1_text")), target.integer("span1_index")};
  schema.pronoun = {std::string(target.text("span2_text")), target.integer("span2_index")};
  mend(schema.noun, schema);
  mend(schema.pronoun, schema);
  return schema;
}

// Writes `mark` around the span if it stands behind that many words, each followed by one white
// space; otherwise changes nothing.
void mark_span(std::string& text, const Span& span, int64_t index, char mark) {
  size_t at = 0;
  for (int64_t word = 0; word < index; ++word) {
    const size_t begin = at;
    while (at < text.size() && !is_space(text[at])) ++at;
    if (at == begin || at == text.size()) return;
    ++at;
  }
  if (text.compare(at, span.text.size(), span.text) != 0) return;
  text.replace(at, span.text.size(), fmt::format("{0} {1} {0}", mark, span.text));
}

void write_marked(const JsonRecord& record, Examples& examples) {
  Schema schema = read_schema(record);
  mark_span(schema.text, schema.noun, schema.noun.index, '*');
  const int64_t moved = schema.noun.index < schema.pronoun.index ? 2 : 0;  // by the marks
  mark_span(schema.text, schema.pronoun, schema.pronoun.index + moved, '#');
  TextExample example;
  example.inputs = "wsc text: " + schema.text;
  example.targets = {class_name(record.label("label"), kTruth, record.place())};
  examples.push_back(std::move(example));
}

// The text with X for the pronoun. Where another word has its index, or punctuation clings to it,
// it is the next word that begins with it, and punctuation gets a space of its own.
std::string with_blank(const Schema& schema, const JsonRecord& record) {
  std::vector<std::string_view> words = split(schema.text, ' ');
  auto at = static_cast<size_t>(std::max<int64_t>(schema.pronoun.index, 0));
  std::string blank = "X";
  if (at >= words.size() || words[at] != schema.pronoun.text) {
    while (at < words.size() && !words[at].starts_with(schema.pronoun.text)) ++at;
    if (at >= words.size()) {
      record.at("target").fail(
          "has a span2_text that is not in the text from span2_index on; correct them");
    }
    const std::string_view rest = words[at].substr(schema.pronoun.text.size());
    if (!rest.empty()) blank += fmt::format(" {}", rest);
    if (words.back().empty()) words.pop_back();
  }
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += ' ';
    text += i == at ? std::string_view(blank) : words[i];
  }
  return text;
}

TextExample simple(const JsonRecord& record) {
  const Schema schema = read_schema(record);
  TextExample example;
  example.inputs = "wsc: " + with_blank(schema, record);
  replace_all(example.inputs, " X ", fmt::format(" *{}* ", schema.pronoun.text));
  example.targets = {schema.noun.text};
  example.right = class_name(record.label("label"), kTruth, record.place()) != kTruth[0];
  return example;
}

void write_all(const JsonRecord& record, Examples& examples) {
  examples.push_back(simple(record));
}

void write_right(const JsonRecord& record, Examples& examples) {
  TextExample example = simple(record);
  if (example.right) examples.push_back(std::move(example));
}

}  // namespace

std::vector<Task> wsc_tasks() {
  return {json_task({"super_glue_wsc", {"accuracy"}, {"False", "True"}, {}}, write_marked),
          json_task({"super_glue_wsc_simple_eval", {"wsc"}, {}, {}}, write_all),
          json_task({"super_glue_wsc_simple_train", {"wsc"}, {}, {}}, write_right)};
}

}  // namespace sy
