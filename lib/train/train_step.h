// One step of training, as the trainer and the benchmark take it: gradients of a global batch,
// their sum over the ranks, the global norm, clipping and the update. Owns the optimiser and its
// state.
#pragma once

#include <memory>
#include <optional>

#include "lib/train/grad_reduce.h"
#include "lib/train/optimizer.h"
#include "lib/train/session.h"
#include "lib/train/step_batch.h"

namespace sy {

// Tokens of a global batch that are not padding, summed over the data ranks.
struct StepTokens {
  int64_t input = 0;
  int64_t target = 0;
  int64_t total() const { return input + target; }
};

struct StepResult {
  double loss = 0;  // nats a target token, over the global batch
  double grad_norm = 0;
  double learning_rate = 0;
  bool updated = true;  // false: loss or norm was not finite, and the weights are as before
};

class TrainStep {
 public:
  // Plans and allocates the model, the optimiser and the scratch; draws the initial weights.
  // `session` must outlive it.
  explicit TrainStep(Session& session);

  // Takes step `step` (counts from 1) on this rank's part of the global batch. Collective; every
  // rank gets the same result. Router statistics of the step are in session.model.
  StepResult run(int64_t step, StepBatch& batch, const StepTokens& tokens);

  Optimizer& optimizer() { return *optimizer_; }

  // Bytes of this rank by region.
  struct Memory {
    SwitchModel::Memory model;
    int64_t optimizer = 0;
    int64_t total() const { return model.total() + optimizer; }
  };
  Memory memory() const { return {session_.model.memory(), optimizer_memory_.bytes()}; }

 private:
  void plan_update(Exec& exec);
  void clear_gradients();
  void accumulate_gradients(int64_t step, StepBatch& batch, const StepTokens& tokens);
  void update(int64_t step, double learning_rate, const StepTokens& tokens);
  StepResult result(double learning_rate);
  void start_reduction(int first_param);
  void finish_reduction();

  Session& session_;
  std::unique_ptr<Optimizer> optimizer_;
  Arena optimizer_memory_{"optimiser"};
  Arena numbers_{"step numbers"};
  Tensor squares_;  // float64 [2]: of the gradients
  Tensor scalars_;  // float64 [kStepScalars], see kernels/grad_clip.h
  std::optional<GradReducer> reducer_;
};

}  // namespace sy
