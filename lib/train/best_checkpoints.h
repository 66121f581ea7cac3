// SPDX-License-Identifier: Apache-2.0
// The best checkpoint of each task (finetune.keep_best). The record is part of the run's state, so
// that a checkpoint knows what was best when it was written and a resumed run goes on from there.
// RUN/best/TASK is a link to the checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/dist/communicator.h"
#include "lib/train/task_scores.h"

namespace sy {

struct BestCheckpoint {
  std::string task;
  int64_t step = 0;
  double value = 0;  // mean of its scores
};

// Takes in the scores of an evaluation, which rank 0 has. Returns whether any task is better than
// ever, not merely as good; all ranks agree. Collective.
bool update_best(std::vector<BestCheckpoint>& best, int64_t step,
                 const std::vector<TaskScores>& scores, Communicator& world);

std::vector<int64_t> steps_of(const std::vector<BestCheckpoint>& best);

// Makes the links of a run's folder point to the best checkpoints, as far as these are committed,
// and removes links to what is no longer there. On rank 0. Throws RuntimeFailure.
void link_best(const std::string& run_folder, const std::vector<BestCheckpoint>& best);

// RUN/best/TASK
std::string best_path(const std::string& run_folder, const std::string& task);

}  // namespace sy
