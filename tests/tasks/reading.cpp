// SPDX-License-Identifier: Apache-2.0
#include "tests/tasks/reading.h"

#include "lib/base/error.h"
#include "lib/tasks/task.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy::test {

std::vector<TextExample> read_files(std::string_view form, const std::vector<std::string>& files) {
  const std::unique_ptr<TaskReader> reader = task_of(form, "test").open(files);
  std::vector<TextExample> examples;
  for (TextExample example; reader->next(example);) examples.push_back(example);
  return examples;
}

std::vector<TextExample> read_task(std::string_view form, std::string_view content) {
  const std::string file = temporary_folder() + "/file";
  write_file(file, content);
  return read_files(form, {file});
}

std::string one_example(std::string_view form, std::string_view content) {
  const std::vector<TextExample> examples = read_task(form, content);
  if (examples.size() != 1) return fmt::format("{} examples", examples.size());
  std::string text = examples[0].inputs;
  for (const std::string& target : examples[0].targets) text += " | " + target;
  return text;
}

std::string task_fault(std::string_view form, std::string_view content) {
  const std::string folder = temporary_folder() + "/";
  write_file(folder + "file", content);
  std::string fault = message_of<DataError>([&] { read_files(form, {folder + "file"}); });
  for (size_t at; (at = fault.find(folder)) != std::string::npos;) fault.erase(at, folder.size());
  return fault;
}

}  // namespace sy::test
