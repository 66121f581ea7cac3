// SPDX-License-Identifier: Apache-2.0
#include "lib/train/train_step.h"

#include "kernels/grad_clip/grad_clip.h"
#include "lib/base/numeric.h"
#include "lib/dist/planning.h"
#include "lib/train/optimizer/grad_fault.h"
#include "lib/train/optimizer/grad_norm.h"
#include "lib/train/optimizer/schedule.h"
#include "lib/train/teacher.h"

namespace sy {
namespace {

// The host's copy of the statistics among the numbers of a step.
RouterStats router_stats(const Readback& numbers) {
  return {numbers.host(1), numbers.host(2), numbers.host(3), numbers.host(5), numbers.host(6)};
}

}  // namespace

TrainStep::TrainStep(Session& session, Teacher* teacher)
    : session_(session), teacher_(teacher), replay_(session), mesh_(&session.mesh) {}

void TrainStep::plan() {
  SwitchModel& model = session_.model;
  if (teacher_ == nullptr) {
    model.plan(session_.exec);
  } else {
    teacher_->plan();
    const SoftTargets soft = teacher_->planned_targets();
    model.plan(session_.exec, &soft);
    traffic_.add(teacher_->traffic(), session_.micro_batches());
  }
  optimizer_ = make_optimizer(session_.config.optimizer, model.params());
  take_memory();
  traffic_.add(model.traffic(), session_.micro_batches());
  plan_after_backward();
}

// Measures optimiser state and step results; once they are allocated, carves them.
void TrainStep::take_memory() {
  const auto regions = static_cast<int64_t>(session_.model.params().regions().size());
  optimizer_->plan(optimizer_memory_);
  squares_ = numbers_.take(DType::f64, {regions}, "squares of the gradients");
  outcome_ = numbers_.take(DType::f64, {kStepScalars + regions}, "numbers of a step");
  scalars_ = outcome_.slice(0, kStepScalars);
  faults_ = outcome_.slice(kStepScalars, regions);
  if (session_.config.run.replay_every > 0) replay_.take_memory(numbers_);
}

// Plans what follows backward in a step, by running it in planning mode.
void TrainStep::plan_after_backward() {
  PlanningScope planning(session_.exec, session_.mesh);
  mesh_ = &planning.mesh();
  reducer_.emplace(session_.model.params(), *mesh_);
  gather_.emplace(session_.model.params(), *mesh_);
  session_.model.params().clear_stale_gradients(session_.exec);
  finish_reduction();
  update(1, 0, {.input = 1, .target = 1}, 0);
  traffic_.add(planning.traffic());
  reducer_.reset();
  gather_.reset();
  mesh_ = &session_.mesh;
}

void TrainStep::allocate() {
  SwitchModel& model = session_.model;
  Exec& exec = session_.exec;
  if (teacher_ != nullptr) teacher_->allocate();
  model.allocate(exec);
  optimizer_memory_.allocate(exec.memory);
  numbers_.allocate(exec.memory);
  take_memory();
  reducer_.emplace(model.params(), *mesh_);
  gather_.emplace(model.params(), *mesh_);
  const RouterStats& router = model.router_stats();
  for (std::optional<Readback>& numbers : under_way_) {
    numbers.emplace(exec, std::vector<Tensor>{outcome_, router.counts, router.balance, router.z,
                                              model.logit_z_sum(), router.confidence, router.choice,
                                              model.soft_sum()});
  }
}

void TrainStep::initialize() {
  session_.model.params().initialize(session_.exec,
                                     static_cast<uint64_t>(session_.config.run.seed));
  gather_->start();
  gather_->finish();
  if (teacher_ != nullptr) teacher_->load();
}

void TrainStep::complete_values() {
  const ProfileScope profile(session_.exec.profiler, Part::communication);
  gather_->finish();
}

TrainStep::Memory TrainStep::memory() const {
  Memory memory{.model = session_.model.memory(), .optimizer = optimizer_memory_.bytes()};
  memory.model.scratch = session_.exec.scratch.high_water();  // including the update
  if (teacher_ != nullptr) memory.teacher = teacher_->memory();
  return memory;
}

void TrainStep::start(int64_t step, StepBatch& batch, const StepTokens& tokens, double loss_limit) {
  SY_CHECK(started_ - finished_ < 2, "a third step before the first was finished");
  const int64_t counted = steps_before_ + step;
  const double rate = learning_rate(session_.config.optimizer, counted,
                                    steps_before_ + session_.config.train.steps);
  const bool replayed = replay_.is_due(step);
  if (replayed) rehearse(step, batch, tokens);
  session_.model.params().discard_gradients();
  accumulate_gradients(step, batch, tokens,
                       [&](int first_param) { complete_gradients(step, first_param); });
  if (replayed) replay_.note_statistics(ReplayPass::second);
  finish_reduction();
  if (replayed) replay_.check_results(step);
  update(counted, rate, tokens, loss_limit);
  if (replay_.is_due(step + 1)) replay_.note_update();
  const auto turn = static_cast<size_t>(started_++ % 2);
  rates_[turn] = rate;
  targets_[turn] = tokens.target;
  groups_[turn] = routing_groups(session_.config, batch.lengths()[kEncoder]);
  taught_[turn] = is_taught(step);
  under_way_[turn]->start();
}

StepResult TrainStep::finish() {
  SY_CHECK(finished_ < started_, "no step was started");
  const auto turn = static_cast<size_t>(finished_++ % 2);
  Readback& numbers = *under_way_[turn];
  numbers.wait();
  const double* scalars = numbers.host(0).data<double>();
  StepResult result;
  result.loss = scalars[kLoss];
  result.grad_norm = scalars[kGradientNorm];
  result.updated = scalars[kApplyUpdate] != 0;
  if (!result.updated) {
    result.fault = first_grad_fault(session_.model.params(), *mesh_,
                                    numbers.host(0).slice(kStepScalars, faults_.numel()));
  }
  result.learning_rate = rates_[turn];
  const auto targets = static_cast<double>(targets_[turn]);
  result.logit_z_loss = *numbers.host(4).data<double>() / targets;
  if (taught_[turn]) result.soft_loss = *numbers.host(7).data<double>() / targets;
  result.router = summarize_router(router_stats(numbers), session_.config.model, groups_[turn]);
  return result;
}

std::vector<RouterMetrics> TrainStep::router_metrics() const {
  SY_CHECK(finished_ > 0, "no step was finished");
  return sy::router_metrics(router_stats(*under_way_[(finished_ - 1) % 2]), session_.config.model);
}

// Norm, clipping and update. All decisions are taken on the device, the same on every rank: the
// weights and the routers' biases change only if loss and norm are finite and the loss is not above
// its limit.
void TrainStep::update(int64_t step, double learning_rate, const StepTokens& tokens,
                       double loss_limit) {
  Exec& exec = session_.exec;
  SwitchModel& model = session_.model;
  gradient_squares(exec, model.params(), *mesh_, squares_);
  const ProfileScope profile(exec.profiler, Part::optimizer);
  find_grad_faults(exec, model.params(), faults_, squares_);
  grad_clip(exec, scalars_, squares_, model.loss_sum(), 1.0 / static_cast<double>(tokens.target),
            session_.config.optimizer.clip_norm, loss_limit);
  optimizer_->apply(exec, {step, learning_rate, scalars_, mesh_});
  model.update_router_biases(exec, scalars_.slice(kApplyUpdate, 1));
  const ProfileScope sending(exec.profiler, Part::communication);
  gather_->start();
}

bool TrainStep::is_taught(int64_t step) const {
  return teacher_ != nullptr && teacher_->teaches(step);
}

// The first of the two times that a replayed step is computed: nothing is reduced.
void TrainStep::rehearse(int64_t step, StepBatch& batch, const StepTokens& tokens) {
  ParamStore& params = session_.model.params();
  complete_values();
  replay_.check_weights(step);
  params.discard_gradients();
  accumulate_gradients(step, batch, tokens, {});
  params.clear_stale_gradients(session_.exec);
  replay_.note_gradients(ReplayPass::first, 0);
  replay_.note_statistics(ReplayPass::first);
}

// Forward and backward of every micro-batch. The first forward waits for the values of the last
// update as it comes to them. `ready` is told of complete gradients during the last backward.
void TrainStep::accumulate_gradients(int64_t step, StepBatch& batch, const StepTokens& tokens,
                                     const GradReady& ready) {
  const RunConfig& config = session_.config;
  SwitchModel& model = session_.model;
  StepContext context;
  context.seed = static_cast<uint64_t>(config.run.seed);
  context.step = narrow<uint32_t>(step);
  context.loss_scale = 1.0 / static_cast<double>(tokens.target);
  context.logit_z_loss = config.train.logit_z_loss;
  context.group_scale =
      1.0 / static_cast<double>(routing_groups(config, batch.lengths()[kEncoder]));
  model.clear_stats(session_.exec);
  const int64_t first = session_.sequences_per_rank() * mesh_->data_rank();
  for (int64_t i = 0; i < batch.micro_batches(); ++i) {
    const bool last = i + 1 == batch.micro_batches();
    const Batch micro_batch = batch.micro_batch(i);
    context.first_sequence = first + i * batch.micro_batch_size();
    ValuesNeeded needed;  // of the last update, which are complete after the first forward
    if (i == 0) needed = [this](int end) { wait_for_values(end); };
    SoftTargets soft;
    if (is_taught(step)) soft = teacher_->targets(micro_batch, context);
    model.accumulate_forward(session_.exec, micro_batch, context, needed, soft ? &soft : nullptr);
    model.backward(session_.exec, micro_batch, context, last ? ready : GradReady());
  }
}

void TrainStep::wait_for_values(int end) {
  const ProfileScope profile(session_.exec.profiler, Part::communication);
  gather_->wait_below(end);
}

void TrainStep::complete_gradients(int64_t step, int first_param) {
  session_.model.params().clear_stale_gradients(session_.exec, first_param);
  if (replay_.is_due(step)) replay_.note_gradients(ReplayPass::second, first_param);
  const ProfileScope profile(session_.exec.profiler, Part::communication);
  reducer_->ready(first_param);
}

void TrainStep::finish_reduction() {
  const ProfileScope profile(session_.exec.profiler, Part::communication);
  reducer_->finish();
  reduce_statistics(session_.model, *mesh_);
}

}  // namespace sy
