// SPDX-License-Identifier: Apache-2.0
// XSum, from objects {document, summary}.
#include "lib/tasks/example_reader.h"
#include "lib/tasks/task_tables.h"

namespace sy {
namespace {

void write(const JsonRecord& record, Examples& examples) {
  TextExample example;
  example.inputs = "summarize: ";
  example.inputs += record.text("document");
  example.targets = {std::string(record.text("summary"))};
  examples.push_back(std::move(example));
}

}  // namespace

std::vector<Task> xsum_tasks() {
  return {json_task({"xsum", {"rouge"}, {}, {}}, write)};
}

}  // namespace sy
