// SPDX-License-Identifier: Apache-2.0
// The training loop and its state.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "lib/checkpoint/checkpoint.h"
#include "lib/train/checkpointing.h"
#include "lib/train/evaluate.h"
#include "lib/train/log/run_log.h"
#include "lib/train/resume.h"
#include "lib/train/run_folder.h"
#include "lib/train/run_lock.h"
#include "lib/train/teacher.h"
#include "lib/train/train_step.h"

namespace sy {

// What the targets are: those of the text alone, or also the predictions of the teacher that
// distill.teacher names.
enum class LearnsFrom : uint8_t { text, text_and_teacher };

class Trainer {
 public:
  // Plans and allocates all memory, opens the data and restores the checkpoint that `resume`
  // selects: auto, none or a path. `runtime` must outlive the trainer. Collective.
  Trainer(Runtime& runtime, const RunConfig& config, const std::string& resume,
          LearnsFrom learns_from = LearnsFrom::text);

  // Trains until train.steps or until a stop signal. Returns done or stopped. Collective.
  ExitCode run();

 private:
  using Clock = std::chrono::steady_clock;

  ResumePlan check_resume(const std::string& path);
  void open_loader(const ResumePlan& plan);
  void restore_from(const std::string& path);
  void set_aside_later_checkpoints() const;
  // A step in flight: issued to the exec, its results not yet read.
  struct StartedStep {
    int64_t step;
    StepTokens tokens;
    int64_t tokens_so_far;
    Clock::time_point start;
  };

  StepTokens begin_step();
  void start_step();
  void settle();
  void check_finite(int64_t step, const StepResult& result);
  void record(const StartedStep& started, const StepResult& result, double seconds);
  void evaluate(int64_t step);
  void save();
  void finish_save();
  void report_bad_records() const;
  bool due(int64_t every, int64_t step) const;

  Session session_;
  RunFolder folder_;
  std::optional<RunLock> lock_;       // on rank 0
  std::unique_ptr<Teacher> teacher_;  // null if there is none
  TrainStep train_step_;
  std::unique_ptr<Loader> loader_;
  StepBatch batch_;
  std::optional<Evaluator> evaluator_;
  CheckpointWriter writer_;
  RunInputs inputs_;      // on rank 0; empty elsewhere
  std::string start_id_;  // identifies this start of the run; the same on every rank
  std::optional<RunLog> run_log_;
  RunState state_;
  int64_t saved_step_ = -1;
  bool stopping_ = false;
  std::optional<StartedStep> under_way_;
  Clock::time_point settled_;  // when the results of the last step were read
};

}  // namespace sy
