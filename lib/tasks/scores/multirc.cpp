// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <map>

#include "lib/tasks/scores/classes.h"

namespace sy::metrics {

std::vector<Score> multirc(Answers answers, Labels labels) {
  static const std::array<std::string, 2> words{"False", "True"};
  const Classes classes = classes_of(answers, labels.empty() ? Labels(words) : labels);
  std::map<std::string, bool> right;  // by question
  double alone = 0, alone_right = 0;  // answers without a question are questions of their own
  for (size_t i = 0; i < answers.size(); ++i) {
    const bool equal = classes.targets[i] == classes.predictions[i];
    const std::string& group = answers[i].example->group;
    if (group.empty()) {
      ++alone;
      alone_right += equal ? 1 : 0;
    } else {
      bool& all = right.try_emplace(group, true).first->second;
      all = all && equal;
    }
  }
  double groups_right = alone_right;
  for (const auto& [group, all] : right) groups_right += all ? 1 : 0;
  const double groups = alone + static_cast<double>(right.size());
  return {{"f1", binary_f1(classes)}, {"exact_match", 100 * groups_right / groups}};
}

}  // namespace sy::metrics
