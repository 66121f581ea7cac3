// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/scores.h"

#include <algorithm>

#include "lib/base/error.h"

namespace sy {

const std::vector<std::string>& metric_names() {
  static const std::vector<std::string> kNames{"accuracy", "exact_match"};
  return kNames;
}

std::vector<Score> score(std::string_view metric, std::span<const Answer> answers) {
  SY_CHECK(metric == "accuracy" || metric == "exact_match", "no metric {}", metric);
  int64_t right = 0;
  for (const Answer& answer : answers) {
    const std::vector<std::string>& targets = answer.example->targets;
    if (std::find(targets.begin(), targets.end(), answer.prediction) != targets.end()) ++right;
  }
  return {{std::string(metric),
           100.0 * static_cast<double>(right) / static_cast<double>(answers.size())}};
}

}  // namespace sy
