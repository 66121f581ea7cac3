// SPDX-License-Identifier: Apache-2.0
// ReCoRD: an example for each right answer of each query of a passage, of which every other right
// answer is accepted too.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "lib/tasks/example_reader.h"
#include "lib/tasks/labels.h"
#include "lib/tasks/task_tables.h"

namespace sy {
namespace {

// Joins the summary's points, each behind a line "@highlight", to the text as sentences.
std::string join_highlights(std::string_view passage) {
  constexpr std::string_view kMark = "\n@highlight\n";
  std::string text;
  for (size_t at; (at = passage.find(kMark)) != passage.npos;
       passage.remove_prefix(at + kMark.size())) {
    text += passage.substr(0, at);
    const bool ended = at > 0 && std::string_view(".?!\"'").find(passage[at - 1]) != passage.npos;
    text += ended ? " " : ". ";
  }
  text += passage;
  return text;
}

// The characters of Unicode from `first` to `last`, both included, as JSON's offsets count them;
// clipped to the text.
std::string_view characters(std::string_view text, int64_t first, int64_t last) {
  size_t begin = text.size(), end = text.size();
  int64_t number = -1;
  for (size_t at = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;  // not a first byte
    ++number;
    if (number == first) begin = at;
    if (number == last + 1) {
      end = at;
      break;
    }
  }
  return begin < end ? text.substr(begin, end - begin) : "";
}

// Each once, in the order of their code points.
using Names = std::set<std::string>;

Names entities_of(const JsonRecord& passage) {
  Names names;
  for (const JsonRecord& entity : passage.items("entities")) {
    names.emplace(characters(passage.text("text"), entity.integer("start"), entity.integer("end")));
  }
  return names;
}

Names answers_of(const JsonRecord& query) {
  Names names;
  if (!query.has("answers")) return names;
  for (const JsonRecord& answer : query.items("answers")) names.emplace(answer.text("text"));
  return names;
}

// The answer first, then the others.
std::vector<std::string> starting_with(const std::string& answer, const Names& answers) {
  std::vector<std::string> targets = {answer};
  std::copy_if(answers.begin(), answers.end(), std::back_inserter(targets),
               [&](const std::string& other) { return other != answer; });
  return targets;
}

void write(const JsonRecord& record, Examples& examples) {
  const JsonRecord passage = record.at("passage");
  const std::string text = join_highlights(passage.text("text"));
  const std::string entities = fmt::format("{}", fmt::join(entities_of(passage), ", "));
  for (const JsonRecord& query : record.items("qas")) {
    TextExample example;
    example.inputs = fmt::format("record query: {} entities: {} passage: {}", query.text("query"),
                                 entities, text);
    example.targets = {kUnlabelled};
    example.group = fmt::format("{}/{}", record.integer("idx"), query.integer("idx"));
    const Names answers = answers_of(query);
    for (const std::string& answer : answers) {
      example.targets = starting_with(answer, answers);
      examples.push_back(example);
    }
    if (answers.empty()) examples.push_back(std::move(example));
  }
}

}  // namespace

std::vector<Task> record_tasks() {
  return {json_task({"super_glue_record", {"record"}, {}, {}}, write)};
}

}  // namespace sy
