// SPDX-License-Identifier: Apache-2.0
// Definite pronoun resolution (Rahman and Ng 2012), which T5 trains on beside WSC. A record is four
// lines, sentence, pronoun, candidates and the right one, and a blank line.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "lib/tasks/example_reader.h"
#include "lib/tasks/task_files.h"
#include "lib/tasks/task_tables.h"
#include "lib/tasks/text_rules.h"

namespace sy {
namespace {

// Stars around the first occurrence of the pronoun between a space and a space, stop or comma.
std::string marked(const std::string& sentence, const std::string& pronoun) {
  const std::string wanted = " " + pronoun;
  for (size_t at = 0; (at = sentence.find(wanted, at)) != std::string::npos; ++at) {
    const size_t end = at + wanted.size();
    if (end == sentence.size() || std::string_view(" .,").find(sentence[end]) == std::string::npos)
      continue;
    return fmt::format("{} *{}*{}", sentence.substr(0, at), pronoun, sentence.substr(end));
  }
  return sentence;
}

class DprReader final : public RecordTaskReader {
 public:
  explicit DprReader(std::vector<std::string> files) : lines_(std::move(files)) {}

 private:
  enum Part { kSentence, kPronoun, kCandidates, kRight, kParts };

  bool read_record(Examples& examples) override {
    std::array<std::string, kParts> parts;
    std::string_view line;
    do {
      if (!lines_.next(line)) return false;
    } while (is_blank(line));
    parts[kSentence] = strip(line);
    const RecordPlace first = lines_.place();
    for (int part = kPronoun; part < kParts; ++part) {
      if (!lines_.next(line) || is_blank(line) || lines_.begins_file()) {
        fail_at(first,
                "the sentence has no pronoun, candidates and right candidate on the next "
                "three lines; complete it or leave it out");
      }
      parts[static_cast<size_t>(part)] = strip(line);
    }
    check(parts[kCandidates], parts[kRight]);
    TextExample example;
    example.inputs = "wsc: " + marked(parts[kSentence], parts[kPronoun]);
    example.targets = {parts[kRight]};
    examples.push_back(std::move(example));
    return true;
  }

  void check(std::string_view candidates, std::string_view right) const {
    const std::vector<std::string_view> names = split(candidates, ',');
    const bool among = std::any_of(names.begin(), names.end(),
                                   [&](std::string_view name) { return strip(name) == right; });
    if (!among) {
      fail_at(lines_.place(),
              fmt::format("'{}' is none of the candidates '{}'; correct it", right, candidates));
    }
  }

  TextLines lines_;
};

}  // namespace

std::vector<Task> dpr_tasks() {
  return {{"dpr_simple",
           {"accuracy"},
           {},
           [](const std::vector<std::string>& files) -> std::unique_ptr<TaskReader> {
             return std::make_unique<DprReader>(task_files(files));
           }}};
}

}  // namespace sy
