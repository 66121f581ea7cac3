// SPDX-License-Identifier: Apache-2.0
// Scores of tasks in an evaluation, as the trainer sees them. What decodes and scores lies above it
// (lib/finetune).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/tasks/scores.h"

namespace sy {

struct Session;

struct TaskScores {
  std::string task;
  std::vector<Score> scores;

  // The number by which a checkpoint is the best of a task; 0 without scores.
  double mean() const {
    double sum = 0;
    for (const Score& score : scores) sum += score.value;
    return scores.empty() ? 0 : sum / static_cast<double>(scores.size());
  }
};

class TaskScorer {
 public:
  virtual ~TaskScorer() = default;

  virtual void plan() = 0;            // after the model is planned, before anything is allocated
  virtual void allocate() = 0;        // after the model
  virtual int64_t bytes() const = 0;  // that it allocates on this rank, known after plan()

  // The scores of the current weights, always of the same tasks in the same order. The scores are
  // on rank 0; other ranks have the names of the tasks. Collective.
  virtual std::vector<TaskScores> run() = 0;
};

// Makes the scorer of a session, whose model is not planned yet; null: tasks are not scored.
// Collective.
using MakeTaskScorer = std::function<std::unique_ptr<TaskScorer>(Session&)>;

}  // namespace sy
