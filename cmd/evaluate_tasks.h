// SPDX-License-Identifier: Apache-2.0
// The scores of tasks, as `switchyard evaluate --tasks` prints them.
#pragma once

#include <string>
#include <vector>

#include "lib/train/session.h"

namespace sy {

struct EvaluateTasksOptions {
  std::vector<std::string> names;  // empty: all of data.tasks
  std::string predictions;         // file to write; "": none
  bool json = false;
};

// The names in the text of --tasks, with commas between; none in "". Throws ConfigError for an
// empty name.
std::vector<std::string> task_names(const std::string& text);

// Decodes and scores with the weights of a checkpoint. The session's model must not be planned.
// Collective. Throws ConfigError, DataError, or RuntimeFailure if the file cannot be written.
void evaluate_tasks(Session& session, const std::string& checkpoint,
                    const EvaluateTasksOptions& options);

}  // namespace sy
