// SPDX-License-Identifier: Apache-2.0
// Scores tasks by decoding: the model writes the target of every validation example, and the task's
// metrics compare it with the right ones. The examples are dealt out to the data ranks.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "lib/finetune/task_prompts.h"
#include "lib/generate/lockstep.h"
#include "lib/generate/model_logits.h"
#include "lib/train/session.h"
#include "lib/train/task_scores.h"

namespace sy {

// What a model wrote for a task.
struct TaskAnswers {
  const TaskPrompts* task = nullptr;
  std::vector<std::string> predictions;  // by example, on rank 0
};

class DecodingScorer : public TaskScorer {
 public:
  // For the tasks of data.tasks that have validation files; of these only `names`, unless it is
  // empty. Decodes as the section finetune says. `session`, which needs a tokenizer, must outlive
  // it. Throws ConfigError for a name that is not among them, and as read_prompts() does.
  DecodingScorer(Session& session, const std::vector<std::string>& names = {});

  void plan() override;
  void allocate() override;
  int64_t bytes() const override { return decoder_.cache_bytes(); }
  std::vector<TaskScores> run() override { return score(answer()); }

  // The two halves of run(). The first is collective; the second gives scores where the answers
  // are.
  std::vector<TaskAnswers> answer();
  std::vector<TaskScores> score(const std::vector<TaskAnswers>& answers) const;

 private:
  void add_averages(std::vector<TaskScores>& all) const;
  std::vector<std::string> decode(const TaskPrompts& task);
  void gather(const std::vector<Generated>& own, int64_t count,
              std::vector<std::string>& predictions);

  Session& session_;
  GenerateOptions options_;
  DecodingPlace place_;
  std::vector<TaskPrompts> tasks_;
  Decoder decoder_;
  std::optional<ModelLogits> logits_;
  std::optional<Lockstep> lockstep_;
};

// For a trainer: scores the tasks of data.tasks in every evaluation.
MakeTaskScorer task_scorer(const RunConfig& config);

// The options of generation that the section finetune and the lengths of the data give.
GenerateOptions decoding_options(const RunConfig& config);

}  // namespace sy
