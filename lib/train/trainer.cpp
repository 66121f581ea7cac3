#include "lib/train/trainer.h"

#include <chrono>
#include <cmath>

#include "kernels/elementwise.h"
#include "lib/base/log.h"
#include "lib/base/numeric.h"
#include "lib/train/grad_norm.h"
#include "lib/train/router_summary.h"
#include "lib/train/schedule.h"
#include "lib/train/stop_signal.h"

namespace sy {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

ExitCode Trainer::run() {
  const int64_t steps = session_.config.train.steps;
  if (state_.step == 0 && session_.config.train.eval_every > 0) evaluate(0);
  while (state_.step < steps && !stopping_) {
    const int64_t step = state_.step + 1;
    const Clock::time_point start = Clock::now();
    const StepResult result = train_step(step);
    state_.step = step;
    state_.tokens += result.tokens;
    record(step, result, seconds_since(start));
    if (due(session_.config.train.eval_every, step)) evaluate(step);
    if (due(session_.config.train.checkpoint_every, step)) save();
  }
  if (saved_step_ != state_.step) save();
  finish_save();
  report_bad_records();
  if (!stopping_) return ExitCode::done;
  log::info("stopped by {} after step {}: the checkpoint is committed, start again to go on",
            stop_signal_name(), state_.step);
  return ExitCode::stopped;
}

Trainer::StepResult Trainer::train_step(int64_t step) {
  begin_step();
  StepResult result;
  result.tokens = batch_tokens_;
  result.loss = accumulate_gradients(step);
  reducer_->finish();
  result.grad_norm = gradient_norm(session_.exec, session_.model.params(), session_.mesh);
  result.learning_rate =
      learning_rate(session_.config.optimizer, step, session_.config.train.steps);
  result.updated = accept(result.loss, result.grad_norm, step);
  if (result.updated) {
    const ProfileScope profile(session_.exec.profiler, Part::optimizer);
    const double scale = clip_scale(result.grad_norm, session_.config.optimizer.clip_norm);
    optimizer_->apply(session_.exec, {step, result.learning_rate, scale});
  }
  return result;
}

// Takes the next batch and settles, in one reduction, what every rank must know before the step:
// token counts, whether any rank was told to stop, and whether every rank's checkpoint shard is on
// disk.
void Trainer::begin_step() {
  batch_.fill(loader_->next());
  double facts[4] = {static_cast<double>(batch_.target_tokens()),
                     static_cast<double>(batch_.input_tokens()), stop_requested() ? 1.0 : 0.0,
                     writer_.busy() && writer_.shard_done() ? 1.0 : 0.0};
  Communicator& world = session_.mesh.world();
  world.all_reduce_sum(Tensor(facts, DType::f64, {4}), "step facts");
  target_tokens_ = static_cast<int64_t>(facts[0]);
  batch_tokens_ = target_tokens_ + static_cast<int64_t>(facts[1]);
  stopping_ = facts[2] > 0;
  if (facts[3] == world.size()) writer_.commit();
}

// Forward and backward of every micro-batch; returns the step's loss over all ranks. The last
// micro-batch's backward hands finished gradients to the reducer as it goes.
double Trainer::accumulate_gradients(int64_t step) {
  const RunConfig& config = session_.config;
  SwitchModel& model = session_.model;
  StepContext context;
  context.seed = static_cast<uint64_t>(config.run.seed);
  context.step = narrow<uint32_t>(step);
  context.global_sequences = config.train.global_batch;
  context.loss_scale = 1.0 / static_cast<double>(target_tokens_);
  context.group_scale =
      1.0 / static_cast<double>(routing_groups(config, config.train.global_batch));
  fill_zero(session_.exec, model.params().flat_grads(ParamGroup::replicated));
  fill_zero(session_.exec, model.params().flat_grads(ParamGroup::expert));
  model.clear_stats();
  const int64_t first = session_.sequences_per_rank() * session_.mesh.data_rank();
  double loss = 0;
  for (int64_t i = 0; i < batch_.micro_batches(); ++i) {
    const bool last = i + 1 == batch_.micro_batches();
    const Batch micro_batch = batch_.micro_batch(i);
    context.first_sequence = first + i * batch_.micro_batch_size();
    loss += model.forward(session_.exec, micro_batch, context);
    GradReady ready;
    if (last) ready = [this](int first_param, int) { reducer_->ready(first_param); };
    model.backward(session_.exec, micro_batch, context, ready);
  }
  session_.mesh.data().all_reduce_sum(Tensor(&loss, DType::f64, {1}), "loss");
  return loss / static_cast<double>(target_tokens_);
}

// Whether the step may touch the weights. Every rank has the same loss and norm, so all agree.
bool Trainer::accept(double loss, double norm, int64_t step) {
  if (std::isfinite(loss) && std::isfinite(norm)) return true;
  const std::string culprit = find_nonfinite(session_.exec, session_.model.params());
  const std::string message = fmt::format(
      "step {}: loss {}, gradient norm {}: not finite; first gradient at fault on rank {}: {}",
      step, loss, norm, session_.mesh.world().rank(), culprit.empty() ? "none" : culprit);
  if (session_.config.optimizer.on_nonfinite == NonFinitePolicy::skip) {
    log::info("{}; the step is skipped", message);
    return false;
  }
  finish_save();
  throw RuntimeFailure(message +
                       ": the weights are as before the step and the last checkpoint is "
                       "good; lower optimizer.learning_rate or set on_nonfinite: skip");
}

void Trainer::record(int64_t step, const StepResult& result, double seconds) {
  if (run_log_) run_log_->step_done(step);
  if (!due(session_.config.train.log_every, step) && result.updated) return;
  const RouterSummary router = summarize_router(
      session_, routing_groups(session_.config, session_.config.train.global_batch));
  if (!run_log_) return;
  TrainMetrics metrics;
  metrics.step = step;
  metrics.tokens = state_.tokens;
  metrics.loss = result.loss;
  metrics.balance_loss = router.balance_loss;
  metrics.z_loss = router.z_loss;
  metrics.grad_norm = result.grad_norm;
  metrics.learning_rate = result.learning_rate;
  metrics.step_seconds = seconds;
  metrics.tokens_per_second = static_cast<double>(result.tokens) / seconds;
  metrics.dropped_fraction = router.dropped_fraction;
  metrics.expert_load_max = router.expert_load_max;
  run_log_->train(metrics);
}

void Trainer::evaluate(int64_t step) {
  const Clock::time_point start = Clock::now();
  const Evaluation evaluation = evaluator_->run();
  if (run_log_) run_log_->evaluation(step, state_.tokens, evaluation, seconds_since(start));
}

void Trainer::save() {
  finish_save();
  CheckpointMeta meta = checkpoint_meta(session_, state_, loader_->state());
  meta.attempt = start_id_;
  writer_.start(checkpoint_tensors(session_, optimizer_.get()), meta);
  saved_step_ = state_.step;
}

// Waits until the checkpoint under way, if any, is committed.
void Trainer::finish_save() {
  if (!writer_.busy()) return;
  writer_.wait_shard();
  session_.mesh.world().barrier("checkpoint shards");
  writer_.commit();
}

void Trainer::report_bad_records() const {
  const DataCounters counters = loader_->counters();
  if (counters.bad() == 0) return;
  log::warn(
      "{} bad records were skipped beside {} documents: {} malformed, {} invalid UTF-8, {} without "
      "text, {} empty, {} too long, {} corrupt shards",
      counters.bad(), counters.documents, counters.malformed, counters.invalid_utf8,
      counters.missing_text, counters.empty_text, counters.too_long, counters.corrupt_shards);
}

bool Trainer::due(int64_t every, int64_t step) const {
  return every > 0 && (step % every == 0 || step == session_.config.train.steps);
}

}  // namespace sy
