// SPDX-License-Identifier: Apache-2.0
// Scores of predicted texts, computed as T5's evaluation (t5/evaluation/metrics.py) and the
// benchmarks' own scorers compute them. docs/tasks.md lists them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/tasks/text_example.h"

namespace sy {

struct Answer {
  std::string prediction;
  const TextExample* example = nullptr;
};

struct Score {
  std::string name;  // T5's, such as rouge2 or matthews_corrcoef
  double value = 0;  // in percent; correlations in [-100, 100], NaN where they are not defined
};

// Words that name a metric in a task or a configuration, such as "accuracy" or "rouge". A metric
// may give several scores.
const std::vector<std::string>& metric_names();

// Whether a metric needs the labels of the classes, and whether these must be two.
bool needs_labels(std::string_view metric);
bool takes_two_labels(std::string_view metric);

// The scores of one metric over all answers of a task. `labels` are the texts of the classes in the
// order of their numbers: the second one is f1's positive class. Throws DataError if there are no
// answers, if an example has no target, or if a target of f1, f1_macro, matthews or multirc is none
// of the labels; InternalError for an unknown name, or other labels than it takes.
std::vector<Score> score(std::string_view metric, std::span<const Answer> answers,
                         std::span<const std::string> labels = {});

struct FormScores {
  std::string form;  // of the task, such as glue_mrpc
  std::vector<Score> scores;
};

// The averages that T5 reports: the mean of a task's scores, then the mean over tasks. GLUE is
// without WNLI, and MNLI's two sets count as one task; the diagnostic sets count in neither. A form
// with an ending, such as glue_mnli_matched, is a set of its task. Nothing if a task is missing, as
// an average over fewer tasks is not comparable.
std::optional<double> glue_average(std::span<const FormScores> tasks);
std::optional<double> super_glue_average(std::span<const FormScores> tasks);

// Those of these averages that there are, "glue" and "super_glue".
std::vector<Score> benchmark_averages(std::span<const FormScores> tasks);

}  // namespace sy
