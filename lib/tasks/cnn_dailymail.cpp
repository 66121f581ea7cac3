// SPDX-License-Identifier: Apache-2.0
// CNN/Daily Mail, from .story files or folders of them: an article, and highlights, each behind a
// line "@highlight". The article becomes one line and the highlights one line each, both with the
// full stops that are missing, as in version 3.4.0 of TensorFlow's data set, which T5 reads.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/tasks/example_reader.h"
#include "lib/tasks/task_files.h"
#include "lib/tasks/task_tables.h"
#include "lib/tasks/text_rules.h"

namespace sy {
namespace {

constexpr std::string_view kHighlight = "@highlight";

std::vector<std::string> story_files(const std::vector<std::string>& patterns) {
  std::vector<std::string> files;
  for (const std::string& path : task_files(patterns)) {
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    const std::vector<std::string> inside = task_files({path + "/*.story*"});
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

bool is_ended(std::string_view line) {
  constexpr std::string_view kEnds[] = {".", "!", "?", "'", "`", "\"", "\u2019", "\u201D", ")"};
  return line.find(kHighlight) != line.npos ||
         std::any_of(std::begin(kEnds), std::end(kEnds),
                     [&](std::string_view end) { return line.ends_with(end); });
}

void append(std::string& text, std::string_view line, char separator) {
  if (!text.empty()) text += separator;
  text += line;
  if (!is_ended(line)) text += '.';
}

class StoryReader final : public RecordTaskReader {
 public:
  explicit StoryReader(std::vector<std::string> files) : files_(std::move(files)) {}

 private:
  // Stories without an article or without highlights are passed over: the data set has some.
  bool read_record(Examples& examples) override {
    if (opened_ == files_.size()) {
      if (stories_ > 0) return false;
      throw DataError(
          fmt::format("{}: neither this file nor any other of {} has both an article "
                      "and highlights behind lines {}; name .story files",
                      files_.front(), files_.size(), kHighlight));
    }
    std::string article, highlights;
    read_story(files_[opened_++], article, highlights);
    if (article.empty() || highlights.empty()) return true;
    ++stories_;
    TextExample example;
    example.inputs = "summarize: " + article;
    example.targets = {highlights};
    examples.push_back(std::move(example));
    return true;
  }

  static void read_story(const std::string& file, std::string& article, std::string& highlights) {
    TextLines lines({file});
    bool in_article = true;
    for (std::string_view line; lines.next(line);) {
      line = strip(line);
      if (line.starts_with(kHighlight)) {
        in_article = false;
      } else if (!line.empty()) {
        append(in_article ? article : highlights, line, in_article ? ' ' : '\n');
      }
    }
  }

  std::vector<std::string> files_;
  size_t opened_ = 0, stories_ = 0;
};

}  // namespace

std::vector<Task> cnn_dailymail_tasks() {
  return {{"cnn_dailymail",
           {"rouge"},
           {},
           [](const std::vector<std::string>& files) -> std::unique_ptr<TaskReader> {
             return std::make_unique<StoryReader>(story_files(files));
           }}};
}

}  // namespace sy
