// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/example_reader.h"

#include <fmt/core.h>

#include <optional>

#include "lib/tasks/json_split.h"
#include "lib/tasks/task_files.h"

namespace sy {
namespace {

class JsonTaskReader final : public RecordTaskReader {
 public:
  JsonTaskReader(std::vector<std::string> files, std::string list_key, WriteExamples write)
      : files_(std::move(files)), list_key_(std::move(list_key)), write_(std::move(write)) {}

 private:
  bool read_record(Examples& examples) override {
    if (!next_text()) return false;
    simdjson::dom::element value;
    const auto error = parser_.parse(text_).get(value);
    if (error == simdjson::MEMALLOC) throw std::bad_alloc();
    if (error != simdjson::SUCCESS) {
      fail_at(split_->place(),
              fmt::format("the record is not JSON ({}); correct it or leave it out",
                          simdjson::error_message(error)));
    }
    write_(JsonRecord(value, split_->place(), split_->path()), examples);
    return true;
  }

  bool next_text() {
    while (true) {
      if (split_ && split_->next(text_)) return true;
      if (opened_ == files_.size()) return false;
      split_.emplace(files_[opened_++], list_key_);
    }
  }

  std::vector<std::string> files_;
  std::string list_key_;
  WriteExamples write_;
  size_t opened_ = 0;
  std::optional<JsonSplit> split_;
  std::string text_;
  simdjson::dom::parser parser_;
};

}  // namespace

bool RecordTaskReader::next(TextExample& example) {
  while (given_ == examples_.size()) {
    examples_.clear();
    given_ = 0;
    if (!read_record(examples_)) return false;
  }
  example = std::move(examples_[given_++]);
  return true;
}

Task json_task(Task task, WriteExamples write, std::string list_key) {
  task.open = [write = std::move(write), list_key = std::move(list_key)](
                  const std::vector<std::string>& files) -> std::unique_ptr<TaskReader> {
    return std::make_unique<JsonTaskReader>(task_files(files), list_key, write);
  };
  return task;
}

}  // namespace sy
