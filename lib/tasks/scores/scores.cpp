// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/scores.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/tasks/scores/metrics.h"

namespace sy {
namespace {

enum class Needs : uint8_t { texts, labels, two_labels };

struct Entry {
  const char* name;
  metrics::Metric metric;
  Needs needs = Needs::texts;
};

constexpr Entry kMetrics[] = {
    {"accuracy", metrics::accuracy},
    {"bleu", metrics::bleu},
    {"bleu_13a", metrics::bleu_13a},
    {"exact_match", metrics::exact_match},
    {"f1", metrics::f1, Needs::two_labels},
    {"f1_macro", metrics::f1_macro, Needs::labels},
    {"matthews", metrics::matthews, Needs::labels},
    {"multirc", metrics::multirc},
    {"pearson", metrics::pearson},
    {"record", metrics::record},
    {"rouge", metrics::rouge},
    {"sequence_accuracy", metrics::sequence_accuracy},
    {"spearman", metrics::spearman},
    {"squad", metrics::squad},
    {"trivia_qa", metrics::trivia_qa},
    {"wsc", metrics::wsc},
};

const Entry& find_metric(std::string_view name) {
  const auto* entry = std::find_if(std::begin(kMetrics), std::end(kMetrics),
                                   [&](const Entry& metric) { return metric.name == name; });
  SY_CHECK(entry != std::end(kMetrics), "there is no metric {}", name);
  return *entry;
}

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kMetrics) names.emplace_back(entry.name);
  return names;
}

}  // namespace

const std::vector<std::string>& metric_names() {
  static const std::vector<std::string> names = all_names();
  return names;
}

bool needs_labels(std::string_view metric) {
  return find_metric(metric).needs != Needs::texts;
}

bool takes_two_labels(std::string_view metric) {
  return find_metric(metric).needs == Needs::two_labels || metric == "multirc";
}

std::vector<Score> score(std::string_view metric, std::span<const Answer> answers,
                         std::span<const std::string> labels) {
  const Entry& entry = find_metric(metric);
  SY_CHECK(!needs_labels(metric) || labels.size() > 1, "{} needs at least two labels", metric);
  SY_CHECK(!takes_two_labels(metric) || labels.empty() || labels.size() == 2,
           "{} takes two labels, not {}", metric, labels.size());
  if (answers.empty()) {
    throw DataError(
        fmt::format("{}: there are no examples to score; check the task's files", metric));
  }
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].example->targets.empty()) {
      throw DataError(fmt::format("{}: example {} has no target to score with", metric, i + 1));
    }
  }
  return entry.metric(answers, labels);
}

}  // namespace sy
