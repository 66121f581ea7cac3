// SPDX-License-Identifier: Apache-2.0
// A user's own texts: objects {input, target} or {inputs, targets}, written as they are. The target
// is a text, or a list of texts any of which is right; `group` may say what is scored together.
#include "lib/tasks/example_reader.h"
#include "lib/tasks/task_tables.h"

namespace sy {
namespace {

// `name`, or its plural if the record has that.
const char* one_of(const JsonRecord& record, const char* name, const char* plural) {
  return record.has(plural) ? plural : name;
}

void write(const JsonRecord& record, Examples& examples) {
  TextExample example;
  example.inputs = record.text(one_of(record, "input", "inputs"));
  example.targets = record.texts(one_of(record, "target", "targets"));
  if (example.targets.front().empty()) {
    fail_at(record.place(),
            "the target is empty, so there is nothing to learn; leave the line out");
  }
  example.group = record.label("group").value_or("");
  examples.push_back(std::move(example));
}

}  // namespace

std::vector<Task> jsonl_tasks() {
  return {json_task({"jsonl", {"exact_match"}, {}, {}}, write)};
}

}  // namespace sy
