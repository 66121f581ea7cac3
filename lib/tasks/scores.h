// SPDX-License-Identifier: Apache-2.0
// Scores of predicted texts, computed as the benchmarks' own scorers do.
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
  std::string name;  // such as rouge2
  double value = 0;  // in percent, except correlations in [-100, 100]
};

// Words that name a metric in a task or a configuration, such as "accuracy" or "rouge". A metric
// may give several scores.
const std::vector<std::string>& metric_names();

// The scores of one metric over all answers of a task. Throws InternalError for an unknown name.
std::vector<Score> score(std::string_view metric, std::span<const Answer> answers);

}  // namespace sy
