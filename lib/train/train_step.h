// SPDX-License-Identifier: Apache-2.0
// One training step, shared by the trainer and the benchmark: gradients of a global batch,
// reduction over ranks, global norm, clipping and update. Owns the optimiser and its state.
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "lib/tensor/staged_copy.h"
#include "lib/train/log/router_summary.h"
#include "lib/train/optimizer/grad_reduce.h"
#include "lib/train/optimizer/optimizer.h"
#include "lib/train/optimizer/value_gather.h"
#include "lib/train/replay.h"
#include "lib/train/session.h"
#include "lib/train/step_batch.h"

namespace sy {

class Teacher;

// Tokens of a global batch without padding, summed over the data ranks.
struct StepTokens {
  int64_t input = 0;
  int64_t target = 0;
  int64_t total() const { return input + target; }
};

struct StepResult {
  double loss = 0;  // nats per target token, over the global batch
  // The same with a teacher's distribution in place of the targets; of a step that has a teacher.
  std::optional<double> soft_loss;
  double logit_z_loss = 0;  // mean (log Z)^2 of the output logits; 0 if train.logit_z_loss is
  double grad_norm = 0;
  double learning_rate = 0;
  // False: loss or norm was not finite, or the loss above its limit; the weights are unchanged.
  bool updated = true;
  std::string fault;  // if not updated: first_grad_fault() (grad_fault.h)
  RouterSummary router;
};

class TrainStep {
 public:
  // `session` must outlive this; its model must not have been planned, nor the teacher, if there is
  // one, which must outlive this too.
  explicit TrainStep(Session& session, Teacher* teacher = nullptr);

  // Called once each, in this order, before the first step. Several steps on one runtime must all
  // be planned before the first is allocated.
  void plan();        // measures memory of models and optimiser, scratch, and traffic
  void allocate();    // allocates what was measured
  void initialize();  // sets the initial weights, and loads the teacher's; collective

  // The optimiser has made `steps` steps in another run: schedule and Adafactor's decay go on from
  // there. Called before the first step.
  void continue_after(int64_t steps) { steps_before_ = steps; }

  // Issues step `step` (counted from 1) on this rank's part of the global batch. On a GPU it runs
  // asynchronously, unless it is replayed. Throws RuntimeFailure, on every rank and before the
  // weights change, if a replay finds that a rank is at fault (replay.h). A step with a loss above
  // `loss_limit` changes nothing. Collective.
  void start(int64_t step, StepBatch& batch, const StepTokens& tokens,
             double loss_limit = std::numeric_limits<double>::infinity());
  // Waits for the oldest step in flight, of which there may be two, and returns its result, the
  // same on every rank. Collective.
  StepResult finish();
  // The routers of the step that finish() returned last, by layer; until the next but one start().
  std::vector<RouterMetrics> router_metrics() const;
  // start() and finish().
  StepResult run(int64_t step, StepBatch& batch, const StepTokens& tokens) {
    start(step, batch, tokens);
    return finish();
  }

  // The update of the last step started is everywhere. Called before anything but the next step
  // reads the parameters. Collective.
  void complete_values();

  // Whether step `step` is computed twice (run.replay_every).
  bool replays(int64_t step) const { return replay_.is_due(step); }
  // The weights have been changed by something else than a step.
  void forget_update() { replay_.forget_update(); }

  Optimizer& optimizer() { return *optimizer_; }

  // Bytes on this rank by region, known after plan().
  struct Memory {
    SwitchModel::Memory model;
    int64_t optimizer = 0;
    int64_t teacher = 0;  // parameters and activations
    int64_t total() const { return model.total() + optimizer + teacher; }
  };
  Memory memory() const;
  // What this rank sends between start() and finish() of a step that updates the weights and is not
  // replayed, known after plan(). An upper bound if dropless (SwitchModel::traffic()).
  const Traffic& traffic() const { return traffic_; }

 private:
  void take_memory();
  void plan_after_backward();
  bool is_taught(int64_t step) const;
  void accumulate_gradients(int64_t step, StepBatch& batch, const StepTokens& tokens,
                            const GradReady& ready);
  void rehearse(int64_t step, StepBatch& batch, const StepTokens& tokens);
  void update(int64_t step, double learning_rate, const StepTokens& tokens, double loss_limit);
  void wait_for_values(int end);
  void complete_gradients(int64_t step, int first_param);
  void finish_reduction();

  Session& session_;
  Teacher* teacher_;
  Replay replay_;
  Mesh* mesh_;  // that of the session, or the planned mesh while planning
  Traffic traffic_;
  std::unique_ptr<Optimizer> optimizer_;
  Arena optimizer_memory_{"optimiser"};
  Arena numbers_{"step numbers"};
  Tensor squares_;  // float64 [regions], of the gradients
  // Contiguous, so that one copy reads both.
  Tensor outcome_;  // float64 [kStepScalars + regions], the next two
  Tensor scalars_;  // float64 [kStepScalars], see kernels/grad_clip/grad_clip.h
  Tensor faults_;   // float64 [regions], see grad_fault.h

  // Of the two steps that may be in flight: results in transit to the host, learning rates, target
  // tokens, the encoder's routing groups, and whether there was a teacher.
  std::optional<Readback> under_way_[2];
  double rates_[2] = {};
  int64_t targets_[2] = {};
  int64_t groups_[2] = {};
  bool taught_[2] = {};
  int64_t started_ = 0, finished_ = 0;
  int64_t steps_before_ = 0;
  std::optional<GradReducer> reducer_;
  std::optional<ValueGather> gather_;
};

}  // namespace sy
