// SPDX-License-Identifier: Apache-2.0
// The best checkpoints of a run in Hugging Face's form (finetune.export_best).
#pragma once

#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/train/best_checkpoints.h"

namespace sy {

// Throws ConfigError that lists what Hugging Face's models cannot represent of this one.
void check_exportable(const RunConfig& config);

// Writes RUN/best/TASK.hf for each task, in place of what an earlier part of the run wrote there.
// On rank 0. Throws as convert_model() does.
void export_best(const std::string& run_folder, const std::vector<BestCheckpoint>& best);

}  // namespace sy
