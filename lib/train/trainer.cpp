// SPDX-License-Identifier: Apache-2.0
#include "lib/train/trainer.h"

#include <algorithm>
#include <utility>

#include "lib/base/log.h"
#include "lib/checkpoint/layout.h"
#include "lib/dist/flight/flight_ring.h"
#include "lib/dist/watchdog.h"
#include "lib/measure/own_process.h"
#include "lib/train/stop_signal.h"

namespace sy {
namespace {

double seconds_between(std::chrono::steady_clock::time_point start,
                       std::chrono::steady_clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

const std::vector<Example>& next_examples(Loader& loader) {
  const WatchedCall watched(file_wait("reading the text of the next batch"));
  return loader.next();
}

// The losses of the routers' choices that have a coefficient.
void record_choice_losses(TrainMetrics& metrics, const RouterSummary& router,
                          const ExpertsSection& experts) {
  const auto record = [&](std::optional<double>& to, double coefficient, ChoiceLoss loss) {
    if (coefficient > 0) to = router.choice_losses[static_cast<size_t>(loss)];
  };
  record(metrics.second_place_loss, experts.second_place_loss, ChoiceLoss::second_place);
  record(metrics.importance_loss, experts.importance_loss, ChoiceLoss::importance);
  record(metrics.load_loss, experts.load_loss, ChoiceLoss::load);
}

// What takes a few hundredths of a second to write is written at once: a thread that stays behind
// all others of a crowded machine would make the next saves wait for it.
WritePace pace_beside_training(const std::vector<CheckpointTensor>& tensors) {
  constexpr int64_t kSmall = 32 << 20;
  int64_t bytes = 0;
  for (const CheckpointTensor& tensor : tensors) bytes += tensor.write ? tensor.local.bytes() : 0;
  return bytes < kSmall ? WritePace::full : WritePace::beside_training;
}

}  // namespace

ExitCode Trainer::run() {
  clock_.turn_to(Activity::training);
  const int64_t steps = session_.config.train.steps;
  if (state_.step == 0 && session_.config.train.eval_every > 0) evaluate(0);
  while (state_.step < steps && !stopping_) {
    start_step();
    const int64_t step = state_.step;
    const bool evaluates = due(session_.config.train.eval_every, step);
    const bool saves = due(session_.config.train.checkpoint_every, step);
    // On a GPU, the next step is issued before the results of this one are read. Evaluations and
    // checkpoints must wait for the results, and so must a next step that may begin with other
    // weights.
    const bool may_rewind = session_.config.optimizer.on_spike == SpikePolicy::rewind;
    if (session_.exec.backend == Backend::cpu || evaluates || saves || may_rewind) settle();
    const bool is_best = evaluates && evaluate(step);
    if (saves || is_best) save();
  }
  settle();
  if (saved_step_ != state_.step) save();
  finish_saves();
  report_bad_records();
  report_memory();
  report_step_time();
  report_waits();
  report_goodput();
  flight_log_->end();
  if (!stopping_ && teacher_) teacher_->log_compression();
  if (!stopping_) return ExitCode::done;
  log::info(
      "stopped by {} after step {}: the checkpoint is committed; start the same command again to "
      "resume",
      stop_signal_name(), state_.step);
  return ExitCode::stopped;
}

// Issues the next step, then reads the results of the previous one.
void Trainer::start_step() {
  const int64_t step = state_.step + 1;
  flight::set_step(step);
  if (train_step_.replays(step)) finish_saves();  // as a replay may end the run
  const Clock::time_point start = Clock::now();
  const StepTokens tokens = begin_step();
  const double loss_limit = spikes_.limit_for(step);
  train_step_.start(step, batch_, tokens, loss_limit);
  settle();
  state_.step = step;
  state_.tokens += tokens.total();
  under_way_ = StartedStep{step, tokens, batch_.lengths(), state_.tokens, loss_limit, start};
}

void Trainer::settle() {
  if (!under_way_) return;
  const StartedStep started = *under_way_;
  under_way_.reset();
  const StepResult result = train_step_.finish();
  const Clock::time_point now = Clock::now();
  const double seconds = seconds_between(std::max(started.start, settled_), now);
  settled_ = now;
  ++trained_steps_;
  check_update(started, result);
  record(started, result, seconds);
}

// Takes the next batch and agrees with the other ranks on what all must know before the step: its
// lengths, if they vary, and, in one reduction, token counts, whether any rank got a stop signal,
// and whether the oldest checkpoint under way can go on, its shards being on disk or its commit
// done.
StepTokens Trainer::begin_step() {
  Communicator& world = session_.mesh.world();
  {
    const Spending waiting(clock_, Activity::waiting_for_data);
    const std::vector<Example>& examples = next_examples(*loader_);
    batch_.fill(examples, agree_on_lengths(step_lengths(session_.config), examples, world));
  }
  const double counted = session_.counts_batch() ? 1.0 : 0.0;
  double facts[4] = {counted * static_cast<double>(batch_.target_tokens()),
                     counted * static_cast<double>(batch_.input_tokens()),
                     stop_requested() ? 1.0 : 0.0, writer_.busy() && writer_.ready() ? 1.0 : 0.0};
  world.all_reduce_sum(Tensor(facts, DType::f64, {4}), "step facts");
  stopping_ = facts[2] > 0;
  if (facts[3] == world.size()) advance_save();
  return {.input = static_cast<int64_t>(facts[1]), .target = static_cast<int64_t>(facts[0])};
}

void Trainer::record(const StartedStep& started, const StepResult& result, double seconds) {
  const bool logs = due(session_.config.train.log_every, started.step) || !result.updated;
  const std::optional<WaitShares> waits = logs ? wait_meter_->take() : std::nullopt;
  if (!run_log_) return;
  run_log_->step_done(started.step);
  if (!logs) return;
  folder_.require_in_place();
  TrainMetrics metrics;
  metrics.step = started.step;
  metrics.tokens = started.tokens_so_far;
  metrics.loss = result.loss;
  metrics.soft_loss = result.soft_loss;
  metrics.balance_loss = result.router.balance_loss;
  metrics.z_loss = result.router.z_loss;
  record_choice_losses(metrics, result.router, session_.config.model.experts);
  if (session_.config.train.logit_z_loss > 0) metrics.logit_z_loss = result.logit_z_loss;
  if (is_spike(result)) metrics.spike_limit = started.loss_limit;
  metrics.grad_norm = result.grad_norm;
  metrics.learning_rate = result.learning_rate;
  metrics.step_seconds = seconds;
  metrics.save_seconds = std::exchange(save_seconds_, 0);
  metrics.tokens_per_second = static_cast<double>(started.tokens.total()) / seconds;
  metrics.dropped_fraction = result.router.dropped_fraction;
  metrics.expert_load_max = result.router.expert_load_max;
  if (waits) {
    metrics.wait_share = waits->waited;
    metrics.straggler_rank = waits->straggler;
    metrics.straggler_share = waits->straggler_share;
  }
  metrics.router = train_step_.router_metrics();
  ledger_->write(started.step);
  metrics.goodput = ledger_->so_far().share();
  run_log_->train(metrics, started.lengths);
}

// Returns whether the weights are the best yet of a task, so that they are to be kept. Those that
// training starts from are not.
bool Trainer::evaluate(int64_t step) {
  const Spending evaluating(clock_, Activity::evaluating);
  const Clock::time_point start = Clock::now();
  train_step_.complete_values();
  Evaluation evaluation = evaluator_->run();
  if (scorer_) evaluation.tasks = scorer_->run();
  if (run_log_) {
    run_log_->evaluation(step, state_.tokens, evaluation, seconds_between(start, Clock::now()));
  }
  return session_.config.finetune.keep_best && step > 0 &&
         update_best(state_.best, step, evaluation.tasks, session_.mesh.world());
}

// Training waits for the copy alone, unless two checkpoints are under way already. A thread writes
// it, at full speed if no step is left to train beside.
void Trainer::save() {
  const Spending saving(clock_, Activity::saving);
  const Clock::time_point start = Clock::now();
  if (writer_.full()) finish_oldest_save();
  if (run_log_) folder_.require_in_place();
  std::vector<StreamState> streams = loader_->state();
  if (!session_.counts_batch()) streams.clear();  // another rank of the model group saves them
  state_.losses = spikes_.losses();
  if (state_.skipped_steps == 0) state_.rewinds = 0;
  CheckpointMeta meta = checkpoint_meta(session_, inputs_, state_, streams);
  meta.attempt = start_id_;
  writer_.spare(steps_of(state_.best));
  const std::vector<CheckpointTensor> tensors =
      checkpoint_tensors(session_, &train_step_.optimizer());
  const bool last = stopping_ || state_.step == session_.config.train.steps;
  writer_.start(tensors, std::move(meta), checkpoint_copy_out(session_.exec),
                last ? WritePace::full : pace_beside_training(tensors));
  saved_step_ = state_.step;
  last_checkpoint_ = folder_.checkpoints + "/" + checkpoint::committed_name(saved_step_);
  at_checkpoint_ = true;
  if (ledger_) ledger_->write(state_.step);
  save_seconds_ += seconds_between(start, Clock::now());
}

// When every rank is ready. Returns whether a checkpoint has become committed.
bool Trainer::advance_save() {
  const Spending saving(clock_, Activity::saving);
  if (run_log_) folder_.require_in_place();
  const bool committed = writer_.advance();
  if (committed && run_log_) link_best(folder_.path, state_.best);
  return committed;
}

// Waits until it is committed. Collective.
void Trainer::finish_oldest_save() {
  const Spending saving(clock_, Activity::saving);
  do {
    {
      const WatchedCall watched(file_wait("writing a checkpoint"));
      writer_.wait_ready();
    }
    session_.mesh.world().barrier("checkpoint");
  } while (!advance_save());
}

void Trainer::finish_saves() {
  const Clock::time_point start = Clock::now();
  while (writer_.busy()) finish_oldest_save();
  save_seconds_ += seconds_between(start, Clock::now());
}

void Trainer::report_bad_records() const {
  if (!session_.counts_batch()) return;
  const DataCounters counters = loader_->counters();
  if (counters.lost_shards > 0) {
    log::warn("{} of {} shards are unreadable or gave no text", counters.lost_shards,
              counters.shards);
  }
  if (counters.bad() == 0) return;
  log::warn(
      "{} bad records were skipped, {} documents read: {} malformed, {} invalid UTF-8, {} without "
      "text, {} empty, {} too long, {} with an invalid id, {} corrupt shards",
      counters.bad(), counters.documents, counters.malformed, counters.invalid_utf8,
      counters.missing_text, counters.empty_text, counters.too_long, counters.invalid_id,
      counters.corrupt_shards);
}

// What the process really needed, beside what its start planned for the GPU or, on the CPU, for it.
// Collective.
void Trainer::report_memory() {
  constexpr double kMebi = 1 << 20;
  double mib[] = {static_cast<double>(peak_resident_bytes()) / kMebi,
                  static_cast<double>(train_step_.memory().total()) / kMebi};
  session_.mesh.world().all_reduce_max(Tensor(mib, DType::f64, {std::ssize(mib)}), "peak memory");
  log::info(
      "peak memory of a rank: {:.1f} MiB resident, {:.1f} planned for the model{}; the program, "
      "text and checkpoints come on top",
      mib[0], mib[1], session_.exec.backend == Backend::cuda ? ", on the GPU" : "");
}

void Trainer::report_step_time() const {
  if (planned_step_seconds_ == 0 || trained_steps_ == 0) return;
  const double training = clock_.seconds()[static_cast<size_t>(Activity::training)];
  const double took = training / static_cast<double>(trained_steps_);
  log::info("a step took {:.4g} s on average, {:.4g} were planned: {:+.1f} %", took,
            planned_step_seconds_, 100 * (took / planned_step_seconds_ - 1));
}

void Trainer::report_waits() const {
  const std::string summary = wait_meter_->summary(flight_log_->places());
  if (!summary.empty()) log::line(summary);
}

void Trainer::report_goodput() {
  if (!ledger_) return;
  ledger_->write(state_.step);
  log::info("{}", goodput_text(ledger_->so_far()));
}

bool Trainer::due(int64_t every, int64_t step) const {
  return every > 0 && (step % every == 0 || step == session_.config.train.steps);
}

}  // namespace sy
