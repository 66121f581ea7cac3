// The training loop and what it keeps from step to step.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/checkpoint/checkpoint.h"
#include "lib/train/checkpointing.h"
#include "lib/train/evaluate.h"
#include "lib/train/grad_reduce.h"
#include "lib/train/optimizer.h"
#include "lib/train/run_folder.h"
#include "lib/train/run_log.h"
#include "lib/train/session.h"
#include "lib/train/step_batch.h"

namespace sy {

class Trainer {
 public:
  // `resume`: auto, none or a checkpoint's path. Plans and allocates every region, opens the data,
  // restores. Collective.
  Trainer(RunConfig config, Communicator& world, int threads, const std::string& resume);

  // Runs to train.steps, or to a stop signal. Returns done or stopped. Collective.
  ExitCode run();

 private:
  // What one step's passes over the data gave, summed over all ranks.
  struct StepResult {
    double loss = 0;  // nats a target token
    double grad_norm = 0;
    double learning_rate = 0;
    int64_t tokens = 0;
    bool updated = true;  // false: skipped because it was not finite
  };

  void allocate();
  void restore_from(const std::string& path);
  StepResult train_step(int64_t step);
  void begin_step();
  double accumulate_gradients(int64_t step);
  bool accept(double loss, double norm, int64_t step);
  void record(int64_t step, const StepResult& result, double seconds);
  void evaluate(int64_t step);
  void save();
  void finish_save();
  void report_bad_records() const;
  bool due(int64_t every, int64_t step) const;

  Session session_;
  RunFolder folder_;
  std::unique_ptr<Optimizer> optimizer_;
  Arena optimizer_memory_{"optimiser"};
  std::optional<GradReducer> reducer_;
  std::unique_ptr<Loader> loader_;
  StepBatch batch_;
  std::optional<Evaluator> evaluator_;
  CheckpointWriter writer_;
  std::string start_id_;  // the same on every rank, another at every start
  std::optional<RunLog> run_log_;
  RunState state_;
  int64_t saved_step_ = -1;
  int64_t target_tokens_ = 0;  // of the global batch
  int64_t batch_tokens_ = 0;   // input + target, of the global batch
  bool stopping_ = false;
};

}  // namespace sy
