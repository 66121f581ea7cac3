// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "lib/tasks/scores.h"

namespace sy {
namespace {

using Tasks = std::span<const FormScores>;

constexpr std::array kGlue{"glue_cola", "glue_sst2", "glue_mrpc", "glue_stsb",
                           "glue_qqp",  "glue_mnli", "glue_qnli", "glue_rte"};
constexpr std::array kSuperGlue{"super_glue_boolq",   "super_glue_cb",     "super_glue_copa",
                                "super_glue_multirc", "super_glue_record", "super_glue_rte",
                                "super_glue_wic",     "super_glue_wsc"};

// Whether it is `part` or a set of its own of it, such as glue_mnli_matched.
bool belongs_to(const std::string& form, const std::string& part) {
  return form == part || form.starts_with(part + "_");
}

double mean_of_scores(const std::vector<Score>& scores) {
  double sum = 0;
  for (const Score& score : scores) sum += score.value;
  return sum / static_cast<double>(scores.size());
}

std::optional<double> mean_of_part(Tasks tasks, const std::string& part) {
  double sum = 0, count = 0;
  for (const FormScores& task : tasks) {
    if (!belongs_to(task.form, part) || task.scores.empty()) continue;
    sum += mean_of_scores(task.scores);
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

std::optional<double> average(Tasks tasks, std::span<const char* const> parts) {
  double sum = 0;
  for (const char* part : parts) {
    const std::optional<double> mean = mean_of_part(tasks, part);
    if (!mean) return std::nullopt;
    sum += *mean;
  }
  return sum / static_cast<double>(parts.size());
}

}  // namespace

std::optional<double> glue_average(Tasks tasks) {
  return average(tasks, kGlue);
}

std::optional<double> super_glue_average(Tasks tasks) {
  return average(tasks, kSuperGlue);
}

std::vector<Score> benchmark_averages(Tasks tasks) {
  std::vector<Score> averages;
  if (const auto glue = glue_average(tasks)) averages.push_back({"glue", *glue});
  if (const auto super_glue = super_glue_average(tasks)) {
    averages.push_back({"super_glue", *super_glue});
  }
  return averages;
}

}  // namespace sy
