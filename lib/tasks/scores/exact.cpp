// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "lib/tasks/scores/metrics.h"

namespace sy::metrics {

std::vector<Score> sequence_accuracy(Answers answers, Labels labels) {
  return {{"sequence_accuracy", accuracy(answers, labels).front().value}};
}

std::vector<Score> exact_match(Answers answers, Labels) {
  double right = 0;
  for (const Answer& answer : answers) {
    const std::vector<std::string>& targets = answer.example->targets;
    right += std::find(targets.begin(), targets.end(), answer.prediction) == targets.end() ? 0 : 1;
  }
  return {{"exact_match", 100 * right / static_cast<double>(answers.size())}};
}

}  // namespace sy::metrics
