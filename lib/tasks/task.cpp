// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/task.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/data/text/line_reader.h"
#include "lib/data/text/shard_list.h"

namespace sy {
namespace {

class JsonlReader : public TaskReader {
 public:
  explicit JsonlReader(const std::vector<std::string>& files) : files_(expand_globs(files)) {}

  bool next(TextExample& example) override {
    std::string_view text;
    while (lines_ == nullptr || lines_->next(text) != LineReader::Result::line) {
      if (file_ == files_.size()) return false;
      lines_ = std::make_unique<LineReader>(open_shard(files_[file_++]), 1 << 24, nullptr);
      line_ = 0;
    }
    ++line_;
    const Json object = Json::parse(text, nullptr, false);
    example = {};
    example.inputs = member(object, "input", "inputs");
    example.targets = {member(object, "target", "targets")};
    return true;
  }

 private:
  std::string member(const Json& object, const char* name, const char* other) const {
    for (const char* key : {name, other}) {
      if (object.is_object() && object.contains(key) && object[key].is_string()) return object[key];
    }
    throw DataError(fmt::format("{}, line {}: {}; give an object with input and target",
                                files_[file_ - 1], line_,
                                object.is_object() ? fmt::format("it has no text `{}`", name)
                                                   : std::string("it is not a JSON object")));
  }

  std::vector<std::string> files_;
  size_t file_ = 0;
  int64_t line_ = 0;
  std::unique_ptr<LineReader> lines_;
};

const Task kJsonl{"jsonl", {"exact_match"}, [](const std::vector<std::string>& files) {
                    return std::unique_ptr<TaskReader>(std::make_unique<JsonlReader>(files));
                  }};

}  // namespace

const Task* find_task(std::string_view form) {
  return form == kJsonl.name ? &kJsonl : nullptr;
}

std::vector<std::string> task_forms() {
  return {kJsonl.name};
}

}  // namespace sy
