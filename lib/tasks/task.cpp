// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/task.h"

#include <algorithm>
#include <iterator>

#include "lib/base/error.h"
#include "lib/config/keys.h"
#include "lib/tasks/task_tables.h"

namespace sy {
namespace {

std::vector<Task> make_tasks() {
  std::vector<Task> tasks;
  for (const auto group :
       {glue_tasks, classification_tasks, copa_tasks, multirc_tasks, record_tasks, wsc_tasks,
        dpr_tasks, squad_tasks, closed_book_tasks, arc_tasks, xsum_tasks, cnn_dailymail_tasks,
        translation_tasks, jsonl_tasks}) {
    std::vector<Task> more = group();
    std::move(more.begin(), more.end(), std::back_inserter(tasks));
  }
  std::sort(tasks.begin(), tasks.end(),
            [](const Task& a, const Task& b) { return a.name < b.name; });
  return tasks;
}

const std::vector<Task>& all_tasks() {
  static const std::vector<Task> tasks = make_tasks();
  return tasks;
}

}  // namespace

const Task* find_task(std::string_view form) {
  for (const Task& task : all_tasks()) {
    if (task.name == form) return &task;
  }
  return nullptr;
}

const Task& task_of(std::string_view form, std::string_view where) {
  const Task* task = find_task(form);
  if (task != nullptr) return *task;
  const std::string near = nearest_word(form, task_forms());
  throw ConfigError(fmt::format("{}: there is no task '{}'; {}", where, form,
                                near.empty()
                                    ? "docs/tasks.md lists them, and jsonl reads files of your own"
                                    : fmt::format("did you mean '{}'?", near)));
}

std::vector<std::string> task_forms() {
  std::vector<std::string> forms;
  for (const Task& task : all_tasks()) forms.push_back(task.name);
  return forms;
}

}  // namespace sy
