// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/task_examples.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "lib/base/error.h"
#include "lib/config/keys.h"
#include "lib/tasks/scores.h"

namespace sy {
namespace {

// "did you mean rte?", or all of a short list.
std::string advice(std::string_view word, const std::vector<std::string>& known) {
  const std::string nearest = nearest_word(word, known);
  return nearest.empty() ? fmt::format("use one of {}", fmt::join(known, ", "))
                         : fmt::format("did you mean {}?", nearest);
}

void check_classes(const TaskSection& section, const std::string& metric) {
  const size_t classes = form_of(section).labels.size();
  const bool fits = takes_two_labels(metric) ? classes == 2 : classes > 1;
  if (!needs_labels(metric) || fits) return;
  throw ConfigError(fmt::format(
      "data.tasks: the metric '{}' of the task {} needs {}, and its form has {}; use accuracy or "
      "exact_match",
      metric, section.name, takes_two_labels(metric) ? "two classes" : "classes", classes));
}

}  // namespace

const Task& form_of(const TaskSection& section) {
  const std::string& form = section.form.empty() ? section.name : section.form;
  if (const Task* task = find_task(form)) return *task;
  throw ConfigError(fmt::format("data.tasks: the form '{}' of the task {} is unknown; {}", form,
                                section.name, advice(form, task_forms())));
}

std::vector<std::string> metrics_of(const TaskSection& section) {
  if (section.metrics.empty()) return form_of(section).metrics;
  const std::vector<std::string>& known = metric_names();
  for (const std::string& metric : section.metrics) {
    if (std::find(known.begin(), known.end(), metric) == known.end()) {
      throw ConfigError(fmt::format("data.tasks: the metric '{}' of the task {} is unknown; {}",
                                    metric, section.name, advice(metric, known)));
    }
    check_classes(section, metric);
  }
  return section.metrics;
}

const std::vector<std::string>& files_of(const TaskSection& section, Split split) {
  return split == Split::train ? section.train : section.validation;
}

SplitReader::SplitReader(const TaskSection& section, Split split)
    : section_(section), files_(files_of(section, split)), reader_(form_of(section).open(files_)) {}

bool SplitReader::next(TextExample& example) {
  if (!reader_->next(example)) {
    if (count_ > 0) return false;
    throw DataError(fmt::format("{} holds no example; correct the files of the task", place()));
  }
  ++count_;
  return true;
}

std::string SplitReader::place() const {
  return fmt::format("the task {} ({})", section_.name, fmt::join(files_, ", "));
}

bool encode_within(const Tokenizer& tokenizer, std::string_view text, int64_t limit,
                   std::vector<int32_t>& ids) {
  tokenizer.encode(text, ids);
  const bool cut = std::ssize(ids) + 1 > limit;
  if (cut) ids.resize(static_cast<size_t>(limit - 1));
  ids.push_back(tokenizer.eos());
  return cut;
}

}  // namespace sy
