// SPDX-License-Identifier: Apache-2.0
// Text-to-text tasks: what each one's files are, how T5 writes an example of them, and how answers
// are scored.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/tasks/text_example.h"

namespace sy {

class TaskReader {
 public:
  virtual ~TaskReader() = default;
  // Overwrites `example` with the next one, in the order of the files; false at their end. Throws
  // DataError that names file, line and remedy.
  virtual bool next(TextExample& example) = 0;
};

struct Task {
  std::string name;                  // of the form, such as glue_mrpc
  std::vector<std::string> metrics;  // scores.h
  // Of the classes, in the order of their numbers in TFDS, as scores.h needs them: the second one
  // is f1's positive class. Empty: the targets are not classes.
  std::vector<std::string> labels;
  // Opens files (globs expanded), plain or compressed by gzip or zstd.
  std::unique_ptr<TaskReader> (*open)(const std::vector<std::string>& files) = nullptr;
};

// Null if there is none.
const Task* find_task(std::string_view form);
// All forms, in alphabetical order.
std::vector<std::string> task_forms();

}  // namespace sy
