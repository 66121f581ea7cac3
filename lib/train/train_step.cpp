#include "lib/train/train_step.h"

#include <cmath>

#include "kernels/elementwise.h"
#include "lib/base/numeric.h"
#include "lib/train/grad_norm.h"
#include "lib/train/router_summary.h"
#include "lib/train/schedule.h"

namespace sy {

TrainStep::TrainStep(Session& session) : session_(session) {
  SwitchModel& model = session.model;
  optimizer_ = make_optimizer(session.config.optimizer, model.params());
  optimizer_->plan(optimizer_memory_);
  session.exec.planning = true;  // the update's scratch; the model's allocate() plans its own step
  optimizer_->apply(session.exec, {});
  session.exec.planning = false;
  model.allocate(session.exec);
  model.params().initialize(static_cast<uint64_t>(session.config.run.seed));
  model.params().update_compute(session.exec);
  optimizer_memory_.allocate();
  optimizer_->plan(optimizer_memory_);
  reducer_.emplace(model.params(), session.mesh);
}

StepResult TrainStep::run(int64_t step, StepBatch& batch, const StepTokens& tokens) {
  Exec& exec = session_.exec;
  const OptimizerSection& config = session_.config.optimizer;
  StepResult result;
  clear_gradients();
  result.loss = accumulate_gradients(step, batch, tokens);
  finish_reduction();
  const ProfileScope profile(exec.profiler, Part::optimizer);
  result.grad_norm = gradient_norm(exec, session_.model.params(), session_.mesh);
  result.learning_rate = learning_rate(config, step, session_.config.train.steps);
  result.updated = std::isfinite(result.loss) && std::isfinite(result.grad_norm);
  if (result.updated) {
    const double scale = clip_scale(result.grad_norm, config.clip_norm);
    optimizer_->apply(exec, {step, result.learning_rate, scale});
    session_.model.params().update_compute(exec);
  }
  return result;
}

void TrainStep::clear_gradients() {
  const ProfileScope profile(session_.exec.profiler, Part::optimizer);
  ParamStore& params = session_.model.params();
  fill_zero(session_.exec, params.flat_grads(ParamGroup::replicated));
  fill_zero(session_.exec, params.flat_grads(ParamGroup::expert));
}

// Forward and backward of every micro-batch; returns the step's loss over all ranks. The last
// micro-batch's backward hands finished gradients to the reducer as it goes.
double TrainStep::accumulate_gradients(int64_t step, StepBatch& batch, const StepTokens& tokens) {
  const RunConfig& config = session_.config;
  SwitchModel& model = session_.model;
  StepContext context;
  context.seed = static_cast<uint64_t>(config.run.seed);
  context.step = narrow<uint32_t>(step);
  context.global_sequences = config.train.global_batch;
  context.loss_scale = 1.0 / static_cast<double>(tokens.target);
  context.group_scale =
      1.0 / static_cast<double>(routing_groups(config, config.train.global_batch));
  model.clear_stats();
  const int64_t first = session_.sequences_per_rank() * session_.mesh.data_rank();
  double loss = 0;
  for (int64_t i = 0; i < batch.micro_batches(); ++i) {
    const bool last = i + 1 == batch.micro_batches();
    const Batch micro_batch = batch.micro_batch(i);
    context.first_sequence = first + i * batch.micro_batch_size();
    loss += model.forward(session_.exec, micro_batch, context);
    GradReady ready;
    if (last) ready = [this](int first_param, int) { start_reduction(first_param); };
    model.backward(session_.exec, micro_batch, context, ready);
  }
  session_.mesh.data().all_reduce_sum(Tensor(&loss, DType::f64, {1}), "loss");
  return loss / static_cast<double>(tokens.target);
}

void TrainStep::start_reduction(int first_param) {
  const ProfileScope profile(session_.exec.profiler, Part::communication);
  reducer_->ready(first_param);
}

void TrainStep::finish_reduction() {
  const ProfileScope profile(session_.exec.profiler, Part::communication);
  reducer_->finish();
}

}  // namespace sy
