// SPDX-License-Identifier: Apache-2.0
// Classification of fields of a JSON object: "TASK KEY: TEXT KEY: TEXT" and the class's name. The
// tasks of SuperGLUE are as T5 writes them. ANLI and Winogrande, which its public code lacks,
// follow the same rule; COPA's names of choices are the model for Winogrande's.
#include <fmt/core.h>

#include "lib/tasks/example_reader.h"
#include "lib/tasks/labels.h"
#include "lib/tasks/task_tables.h"

namespace sy {
namespace {

struct TextField {
  const char* key;    // in the text
  const char* field;  // in the object
};

struct FieldTask {
  const char* form;
  const char* word;  // with which the text begins
  std::vector<TextField> texts;
  const char* label;
  std::vector<std::string_view> classes;
  std::vector<std::string> metrics;
  std::vector<std::string_view> written = {};  // the classes' names in the file, where they differ
};

const std::vector<TextField> kInference = {{"hypothesis", "hypothesis"}, {"premise", "premise"}};
const std::vector<std::string_view> kTruth = {"False", "True"};
const std::vector<std::string_view> kEntailment = {"entailment", "not_entailment"};

const std::vector<FieldTask>& table() {
  static const std::vector<FieldTask> tasks = {
      {"anli",
       "anli",
       {{"context", "context"}, {"hypothesis", "hypothesis"}},
       "label",
       {"entailment", "neutral", "contradiction"},
       {"accuracy"},
       {"e", "n", "c"}},
      {"super_glue_axb",
       "rte",
       {{"hypothesis", "sentence2"}, {"premise", "sentence1"}},
       "label",
       kEntailment,
       {"matthews"}},
      {"super_glue_axg", "rte", kInference, "label", kEntailment, {"accuracy"}},
      {"super_glue_boolq",
       "boolq",
       {{"passage", "passage"}, {"question", "question"}},
       "label",
       kTruth,
       {"accuracy"}},
      {"super_glue_cb",
       "cb",
       kInference,
       "label",
       {"entailment", "contradiction", "neutral"},
       {"f1_macro", "accuracy"}},
      {"super_glue_rte", "rte", kInference, "label", kEntailment, {"accuracy"}},
      {"super_glue_wic",
       "wic",
       {{"sentence1", "sentence1"}, {"sentence2", "sentence2"}, {"word", "word"}},
       "label",
       kTruth,
       {"accuracy"}},
      {"winogrande",
       "winogrande",
       {{"option1", "option1"}, {"option2", "option2"}, {"sentence", "sentence"}},
       "answer",
       {"option1", "option2"},
       {"accuracy"},
       {"1", "2"}},
  };
  return tasks;
}

std::string target(const FieldTask& task, const JsonRecord& record) {
  const std::optional<std::string> label = record.label(task.label);
  if (label) {
    for (size_t i = 0; i < task.written.size(); ++i) {
      if (*label == task.written[i]) return std::string(task.classes[i]);
    }
  }
  return class_name(label, task.classes, record.place());
}

void write(const FieldTask& task, const JsonRecord& record, Examples& examples) {
  TextExample example;
  example.inputs = task.word;
  for (const TextField& text : task.texts) {
    example.inputs += fmt::format(" {}: {}", text.key, record.text(text.field));
  }
  example.targets = {target(task, record)};
  examples.push_back(std::move(example));
}

}  // namespace

std::vector<Task> classification_tasks() {
  std::vector<Task> tasks;
  for (const FieldTask& task : table()) {
    const std::vector<std::string> labels(task.classes.begin(), task.classes.end());
    tasks.push_back(json_task(
        {task.form, task.metrics, labels, {}},
        [&task](const JsonRecord& record, Examples& examples) { write(task, record, examples); }));
  }
  return tasks;
}

}  // namespace sy
