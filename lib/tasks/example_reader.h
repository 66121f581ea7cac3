// SPDX-License-Identifier: Apache-2.0
// Readers of tasks that make their examples record by record.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/tasks/json_record.h"
#include "lib/tasks/task.h"

namespace sy {

using Examples = std::vector<TextExample>;

// Reads a record at a time and hands out its examples.
class RecordTaskReader : public TaskReader {
 public:
  bool next(TextExample& example) final;

 protected:
  // Appends the examples of the next record, of which there may be none, to the empty `examples`;
  // false at the end.
  virtual bool read_record(Examples& examples) = 0;

 private:
  Examples examples_;
  size_t given_ = 0;
};

// Appends the examples of a record.
using WriteExamples = std::function<void(const JsonRecord& record, Examples& examples)>;

// The task with an `open` that reads JSON (json_split.h), records under `list_key` if that is not
// "".
Task json_task(Task task, WriteExamples write, std::string list_key = "");

}  // namespace sy
