// SPDX-License-Identifier: Apache-2.0
// Predictions and targets in files of JSON lines, to be scored.
#pragma once

#include "lib/tasks/scores.h"

namespace sy {

// Each line "text" or {"prediction": "text"}; other keys are ignored. Throws DataError naming file
// and line.
std::vector<std::string> read_predictions(const std::string& path);

// Each line "text", ["text", ...] or an object with "targets" (either of these) and, if the metric
// uses them, "group" (a text or an integer) and "right" (true or false). Throws DataError naming
// file and line.
std::vector<TextExample> read_targets(const std::string& path);

// Pairs them in order; the answers point into `examples`. Throws DataError naming the files if
// their numbers differ.
std::vector<Answer> pair_answers(const std::vector<std::string>& predictions,
                                 const std::vector<TextExample>& examples,
                                 const std::string& predictions_path,
                                 const std::string& targets_path);

}  // namespace sy
