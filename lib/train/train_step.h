// One step of training, as the trainer and the benchmark take it: gradients of a global batch,
// their sum over the ranks, the global norm, clipping and the update. Owns the optimiser and its
// state.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/tensor/staged_copy.h"
#include "lib/train/log/router_summary.h"
#include "lib/train/optimizer/grad_reduce.h"
#include "lib/train/optimizer/optimizer.h"
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
  std::string fault;    // then what first_grad_fault() of grad_fault.h says
  RouterSummary router;
};

class TrainStep {
 public:
  // `session`, whose model is not planned yet, must outlive it.
  explicit TrainStep(Session& session);

  // The phases before the first step, in this order and once each. Several steps on one runtime are
  // all planned before the first is allocated.
  void plan();        // measures model, optimiser, scratch and traffic
  void allocate();    // takes what was measured
  void initialize();  // draws the initial weights

  // Gives the exec step `step` (counts from 1) on this rank's part of the global batch; on a GPU it
  // is computed while the host goes on. Collective.
  void start(int64_t step, StepBatch& batch, const StepTokens& tokens);
  // Waits for the earliest step that was started and not finished, of which there are at most two.
  // Every rank gets the same result. Collective.
  StepResult finish();
  // Both.
  StepResult run(int64_t step, StepBatch& batch, const StepTokens& tokens) {
    start(step, batch, tokens);
    return finish();
  }

  Optimizer& optimizer() { return *optimizer_; }

  // Bytes of this rank by region, from plan() on.
  struct Memory {
    SwitchModel::Memory model;
    int64_t optimizer = 0;
    int64_t total() const { return model.total() + optimizer; }
  };
  Memory memory() const;
  // What this rank sends in a step, from plan() on: between start() and finish(), of a step that is
  // taken. Dropless, the most it may send (SwitchModel::traffic()).
  const Traffic& traffic() const { return traffic_; }

 private:
  void take_memory();
  void plan_after_backward();
  void clear_gradients();
  void accumulate_gradients(int64_t step, StepBatch& batch, const StepTokens& tokens);
  void update(int64_t step, double learning_rate, const StepTokens& tokens);
  void start_reduction(int first_param);
  void finish_reduction();

  Session& session_;
  Mesh* mesh_;  // the session's, or while planning a planned one
  Traffic traffic_;
  std::unique_ptr<Optimizer> optimizer_;
  Arena optimizer_memory_{"optimiser"};
  Arena numbers_{"step numbers"};
  Tensor squares_;  // float64, by region: of the gradients
  // One after the other, so that they are read together:
  Tensor outcome_;  // float64 [kStepScalars + regions]: both
  Tensor scalars_;  // float64 [kStepScalars], see kernels/grad_clip/grad_clip.h
  Tensor faults_;   // float64, by region: see grad_fault.h

  // Steps' numbers on their way to the host, and their learning rates; two steps in turn.
  std::optional<Readback> under_way_[2];
  double rates_[2] = {};
  int64_t started_ = 0, finished_ = 0;
  std::optional<GradReducer> reducer_;
};

}  // namespace sy
