// SPDX-License-Identifier: Apache-2.0
// The training loop and its state.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lib/checkpoint/checkpoint.h"
#include "lib/dist/flight/flight_log.h"
#include "lib/train/checkpointing.h"
#include "lib/train/evaluate.h"
#include "lib/train/log/run_ledger.h"
#include "lib/train/log/run_log.h"
#include "lib/train/log/wait_meter.h"
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
  // Plans the seconds of a step, 0 if it cannot say. Collective.
  using PlanStepSeconds = std::function<double()>;

  // Plans and allocates all memory, opens the data and restores the checkpoint that `resume`
  // selects: auto, none or a path. `runtime` must outlive the trainer. With `make_scorer`,
  // evaluations score tasks too, unless it makes none, and the section finetune of the
  // configuration applies, of which a student leaves out where the weights come from. With
  // `plan_seconds`, what it says is logged at the end of run() beside what a step took; it is
  // called before memory is taken, once the run's folder is locked and its log open. Collective.
  Trainer(Runtime& runtime, const RunConfig& config, const std::string& resume,
          const MakeTaskScorer& make_scorer = {}, LearnsFrom learns_from = LearnsFrom::text,
          const PlanStepSeconds& plan_seconds = {});

  // Trains until train.steps or until a stop signal. Returns done or stopped. Collective.
  ExitCode run();

  // Of each task, with finetune.keep_best.
  const std::vector<BestCheckpoint>& best() const { return state_.best; }

 private:
  using Clock = std::chrono::steady_clock;

  void lock_folder();
  ResumePlan check_resume(const std::string& path);
  void open_loader(const ResumePlan& plan);
  void set_initial_weights();
  void restore_from(const std::string& path);
  void forget_lost_best();
  void set_aside_later_checkpoints() const;
  // A step in flight: issued to the exec, its results not yet read.
  struct StartedStep {
    int64_t step;
    StepTokens tokens;
    StreamLengths lengths;
    int64_t tokens_so_far;
    double loss_limit;
    Clock::time_point start;
  };

  StepTokens begin_step();
  void start_step();
  void settle();
  void check_update(const StartedStep& started, const StepResult& result);
  static bool is_spike(const StepResult& result);
  void meet_nonfinite(int64_t step, const StepResult& result);
  void meet_spike(const StartedStep& started, const StepResult& result);
  bool may_skip();
  bool can_rewind() const;
  [[noreturn]] void stop_skipping(const std::string& message);
  void rewind(const std::string& message);
  void record(const StartedStep& started, const StepResult& result, double seconds);
  bool evaluate(int64_t step);
  void save();
  bool advance_save();
  void finish_oldest_save();
  void finish_saves();
  void report_bad_records() const;
  void report_memory();
  void report_step_time() const;
  void report_waits() const;
  void report_goodput();
  bool due(int64_t every, int64_t step) const;

  ActivityClock clock_;  // the first member, so that it times all of the set-up
  Session session_;
  RunFolder folder_;
  std::optional<RunLock> lock_;  // on rank 0
  std::optional<flight::FlightLog> flight_log_;
  std::unique_ptr<Teacher> teacher_;  // null if there is none
  TrainStep train_step_;
  std::unique_ptr<Loader> loader_;
  StepBatch batch_;
  std::optional<Evaluator> evaluator_;
  const bool finetunes_;                // the section finetune applies
  std::unique_ptr<TaskScorer> scorer_;  // null unless tasks are scored
  CheckpointWriter writer_;
  RunInputs inputs_;      // on rank 0; empty elsewhere
  std::string start_id_;  // identifies this start of the run; the same on every rank
  std::optional<RunLog> run_log_;
  std::optional<WaitMeter> wait_meter_;
  std::optional<RunLedger> ledger_;  // on rank 0
  RunState state_;
  double planned_step_seconds_ = 0;
  int64_t trained_steps_ = 0;  // of this start
  int64_t saved_step_ = -1;
  double save_seconds_ = 0;  // that saves have delayed training since the last line of metrics
  bool stopping_ = false;
  SpikeGuard spikes_;
  std::string last_checkpoint_;  // its path, once there is one; state_.losses are its losses
  bool at_checkpoint_ = false;   // the weights are still, or again, those of it
  std::optional<StartedStep> under_way_;
  Clock::time_point settled_;  // when the results of the last step were read
};

}  // namespace sy
