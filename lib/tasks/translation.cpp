// SPDX-License-Identifier: Apache-2.0
// Translation between English and another language of WMT: "translate English to German: TEXT".
// Files whose names end in the languages' codes, x.en and x.de, hold a sentence a line and belong
// together; any other file has a sentence, a tab and its translation on each line.
#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "lib/base/error.h"
#include "lib/tasks/example_reader.h"
#include "lib/tasks/task_files.h"
#include "lib/tasks/task_tables.h"
#include "lib/tasks/text_rules.h"

namespace sy {
namespace {

struct Language {
  const char* code;
  const char* name;
};
constexpr Language kEnglish = {"en", "English"};
constexpr Language kOthers[] = {
    {"cs", "Czech"},    {"de", "German"},  {"es", "Spanish"},    {"et", "Estonian"},
    {"fi", "Finnish"},  {"fr", "French"},  {"gu", "Gujarati"},   {"hi", "Hindi"},
    {"ja", "Japanese"}, {"kk", "Kazakh"},  {"lt", "Lithuanian"}, {"lv", "Latvian"},
    {"ro", "Romanian"}, {"ru", "Russian"}, {"tr", "Turkish"},    {"zh", "Chinese"}};

struct FilePair {
  std::string source, translation;  // no translation: the source file has both
};

// What stands before the code, or nothing if the name does not end in it.
std::optional<std::string> stem(std::string_view file, const char* code) {
  for (const char* packed : {".gz", ".zst"}) {
    if (file.ends_with(packed)) file.remove_suffix(std::string_view(packed).size());
  }
  const std::string ending = fmt::format(".{}", code);
  if (!file.ends_with(ending)) return std::nullopt;
  return std::string(file.substr(0, file.size() - ending.size()));
}

std::vector<FilePair> pair_files(std::vector<std::string> files, const char* source,
                                 const char* target) {
  std::vector<FilePair> pairs;
  const auto take_partner = [&files](const std::string& file, const std::string& wanted,
                                     const char* code) {
    const auto found = std::find_if(files.begin(), files.end(), [&](const std::string& other) {
      return stem(other, code) == wanted;
    });
    if (found == files.end()) {
      throw DataError(
          fmt::format("the file {} has no {}.{} among the task's files; name both, or "
                      "one file with a tab between sentence and translation",
                      file, wanted, code));
    }
    std::string partner = *found;
    files.erase(found);
    return partner;
  };
  while (!files.empty()) {
    const std::string file = files.front();
    files.erase(files.begin());
    if (const auto name = stem(file, source)) {
      pairs.push_back({file, take_partner(file, *name, target)});
    } else if (const auto other = stem(file, target)) {
      pairs.push_back({take_partner(file, *other, source), file});
    } else {
      pairs.push_back({file, ""});
    }
  }
  return pairs;
}

class TranslationReader final : public RecordTaskReader {
 public:
  TranslationReader(std::string beginning, std::vector<FilePair> pairs)
      : beginning_(std::move(beginning)), pairs_(std::move(pairs)) {}

 private:
  // A pair with an empty side is passed over: WMT's files have some.
  bool read_record(Examples& examples) override {
    std::string_view source, translation;
    while (!source_ || !read_pair(source, translation)) {
      if (opened_ == pairs_.size()) return false;
      const FilePair& pair = pairs_[opened_++];
      source_.emplace(std::vector{pair.source});
      translation_.reset();
      if (!pair.translation.empty()) translation_.emplace(std::vector{pair.translation});
    }
    if (source.empty() || translation.empty()) return true;
    TextExample example;
    example.inputs = beginning_;
    example.inputs += source;
    example.targets = {std::string(translation)};
    examples.push_back(std::move(example));
    return true;
  }

  bool read_pair(std::string_view& source, std::string_view& translation) {
    const bool more = source_->next(source);
    if (translation_) {
      if (translation_->next(translation) == more) return more;
      const TextLines& longer = more ? *source_ : *translation_;
      const TextLines& shorter = more ? *translation_ : *source_;
      fail_at(longer.place(), fmt::format("the file {} has no such line; give both files the same "
                                          "number of lines",
                                          shorter.place().file));
    }
    if (!more) return false;
    if (source.empty()) return true;
    const std::vector<std::string_view> cells = split(source, '\t');
    if (cells.size() != 2) {
      fail_at(source_->place(),
              "the line is not a sentence, a tab and its translation; correct it, "
              "or name files that end in the languages' codes");
    }
    source = cells[0];
    translation = cells[1];
    return true;
  }

  std::string beginning_;
  std::vector<FilePair> pairs_;
  size_t opened_ = 0;
  std::optional<TextLines> source_, translation_;  // no translation: lines have both
};

Task translation_task(const Language& from, const Language& to) {
  return {fmt::format("wmt_{}_{}", from.code, to.code),
          {"bleu"},
          {},
          [from, to](const std::vector<std::string>& files) -> std::unique_ptr<TaskReader> {
            return std::make_unique<TranslationReader>(
                fmt::format("translate {} to {}: ", from.name, to.name),
                pair_files(task_files(files), from.code, to.code));
          }};
}

}  // namespace

std::vector<Task> translation_tasks() {
  std::vector<Task> tasks;
  for (const Language& other : kOthers) {
    tasks.push_back(translation_task(kEnglish, other));
    tasks.push_back(translation_task(other, kEnglish));
  }
  return tasks;
}

}  // namespace sy
