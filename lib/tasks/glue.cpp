// SPDX-License-Identifier: Apache-2.0
// GLUE, from its TSV files: "TASK KEY: TEXT KEY: TEXT", keys in alphabetical order, and the class's
// name.
#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <span>

#include "lib/tasks/example_reader.h"
#include "lib/tasks/labels.h"
#include "lib/tasks/task_tables.h"
#include "lib/tasks/tsv_rows.h"

namespace sy {
namespace {

using Words = std::vector<std::string_view>;

struct TextColumn {
  const char* key;     // in the text
  const char* column;  // in the file
};

struct GlueTask {
  const char* form;
  const char* word;  // with which the text begins
  std::vector<TextColumn> texts;
  const char* label;
  Words classes;  // none: the label is a number from 0 to 5
  std::vector<std::string> metrics;
  std::vector<std::string> headerless = {};  // columns of files without a header
  bool skip_broken = false;  // passes over rows that a newline within a text has broken in two
};

const std::vector<TextColumn> kSentences = {{"sentence1", "sentence1"}, {"sentence2", "sentence2"}};
const std::vector<TextColumn> kInference = {{"hypothesis", "sentence2"}, {"premise", "sentence1"}};
const Words kThreeWay = {"entailment", "neutral", "contradiction"};
const Words kEntailment = {"entailment", "not_entailment"};

const std::vector<GlueTask>& table() {
  static const std::vector<GlueTask> tasks = {
      {"glue_ax", "mnli", kInference, "label", kThreeWay, {"matthews"}},
      {"glue_cola",
       "cola",
       {{"sentence", "sentence"}},
       "label",
       {"unacceptable", "acceptable"},
       {"matthews"},
       {"source", "label", "original_label", "sentence"}},
      {"glue_mnli", "mnli", kInference, "gold_label", kThreeWay, {"accuracy"}},
      {"glue_mnli_matched", "mnli", kInference, "gold_label", kThreeWay, {"accuracy"}},
      {"glue_mnli_mismatched", "mnli", kInference, "gold_label", kThreeWay, {"accuracy"}},
      {"glue_mrpc",
       "mrpc",
       {{"sentence1", "#1 String"}, {"sentence2", "#2 String"}},
       "Quality",
       {"not_equivalent", "equivalent"},
       {"f1", "accuracy"}},
      {"glue_qnli",
       "qnli",
       {{"question", "question"}, {"sentence", "sentence"}},
       "label",
       kEntailment,
       {"accuracy"}},
      {"glue_qqp",
       "qqp",
       {{"question1", "question1"}, {"question2", "question2"}},
       "is_duplicate",
       {"not_duplicate", "duplicate"},
       {"f1", "accuracy"},
       {},
       true},
      {"glue_rte", "rte", kSentences, "label", kEntailment, {"accuracy"}},
      {"glue_sst2",
       "sst2",
       {{"sentence", "sentence"}},
       "label",
       {"negative", "positive"},
       {"accuracy"}},
      {"glue_stsb", "stsb", kSentences, "score", {}, {"pearson", "spearman"}},
      {"glue_wnli", "wnli", kSentences, "label", {"not_entailment", "entailment"}, {"accuracy"}},
  };
  return tasks;
}

// The nearest multiple of 0.2, a tie to the even one, in float32 as T5's preprocessor computes it.
std::string similarity(std::string_view cell, const RecordPlace& place) {
  float score = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), score);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(score)) {
    fail_at(place, fmt::format("the score '{}' is no number; correct it", cell));
  }
  const float fifths = score * 5;
  return fmt::format("{:.1f}", std::nearbyint(fifths) / 5);
}

class GlueReader final : public RecordTaskReader {
 public:
  GlueReader(const GlueTask& task, std::vector<std::string> files)
      : task_(task), rows_(std::move(files), task.texts.front().column, task.headerless) {}

 private:
  bool read_record(Examples& examples) override {
    if (!rows_.next()) return false;
    if (task_.skip_broken && is_broken()) return true;
    TextExample example;
    example.inputs = task_.word;
    for (const TextColumn& text : task_.texts) {
      example.inputs += fmt::format(" {}: {}", text.key, needed(text.column));
    }
    example.targets = {target()};
    examples.push_back(std::move(example));
    return true;
  }

  bool is_broken() const {
    for (const TextColumn& text : task_.texts) {
      if (!rows_.cell(text.column)) return true;
    }
    return rows_.has_column(task_.label) && rows_.cell(task_.label).value_or("").empty();
  }

  std::string_view needed(const char* column) const {
    const std::optional<std::string_view> cell = rows_.cell(column);
    if (cell) return *cell;
    if (!rows_.has_column(column)) rows_.fail_column(column);
    fail_at(rows_.place(), fmt::format("the row ends before its column '{}'; complete the row or "
                                       "leave it out",
                                       column));
  }

  // Test files have no column for it.
  std::string target() const {
    const bool labelled = rows_.has_column(task_.label);
    if (task_.classes.empty()) {
      return labelled ? similarity(needed(task_.label), rows_.place()) : "-1.0";
    }
    if (!labelled) return kUnlabelled;
    return class_name(needed(task_.label), task_.classes, rows_.place());
  }

  const GlueTask& task_;
  TsvRows rows_;
};

}  // namespace

std::vector<Task> glue_tasks() {
  std::vector<Task> tasks;
  for (const GlueTask& task : table()) {
    tasks.push_back({task.form,
                     task.metrics,
                     {task.classes.begin(), task.classes.end()},
                     [&task](const std::vector<std::string>& files) -> std::unique_ptr<TaskReader> {
                       return std::make_unique<GlueReader>(task, task_files(files));
                     }});
  }
  return tasks;
}

}  // namespace sy
