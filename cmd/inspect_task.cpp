// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <memory>

#include "cmd/commands.h"
#include "cmd/numbers.h"
#include "lib/base/json.h"
#include "lib/tasks/task.h"

namespace sy {
namespace {

struct TaskOptions {
  std::string form;
  std::vector<std::string> files;
  int64_t examples = std::numeric_limits<int64_t>::max();
};

ExitCode inspect_task(const TaskOptions& options) {
  const std::unique_ptr<TaskReader> reader =
      task_of(options.form, "inspect task").open(options.files);
  TextExample example;
  for (int64_t i = 0; i < options.examples && reader->next(example); ++i) {
    Json object{{"inputs", example.inputs}, {"targets", example.targets}, {"group", example.group}};
    if (!example.right) object["right"] = false;
    fmt::print("{}\n", json_line(object));
  }
  return ExitCode::done;
}

}  // namespace

Run setup_inspect_task(CLI::App& app) {
  auto options = std::make_shared<TaskOptions>();
  app.add_option("FORM", options->form, "what the files are, such as squad; docs/tasks.md")
      ->required();
  app.add_option("FILE", options->files, "the task's files, or globs of them")->required();
  app.add_option("--examples", options->examples, "at most so many; all if left out")
      ->check(whole_number());
  return [options] { return inspect_task(*options); };
}

}  // namespace sy
