// SPDX-License-Identifier: Apache-2.0
// What becomes of steps whose update was not applied. Loss and norm are the same on every rank, so
// all ranks decide alike.
#include <cmath>

#include "lib/base/log.h"
#include "lib/train/trainer.h"

namespace sy {
namespace {

constexpr int kMaxRewinds = 3;  // without a checkpoint in between whose step was applied

}  // namespace

void Trainer::check_update(const StartedStep& started, const StepResult& result) {
  if (result.updated) {
    state_.skipped_steps = 0;
    at_checkpoint_ = false;
    spikes_.note({started.step, result.loss});
  } else if (is_spike(result)) {
    meet_spike(started, result);
  } else {
    meet_nonfinite(started.step, result);
  }
}

bool Trainer::is_spike(const StepResult& result) {
  return !result.updated && std::isfinite(result.loss) && std::isfinite(result.grad_norm);
}

void Trainer::meet_nonfinite(int64_t step, const StepResult& result) {
  const std::string message = fmt::format(
      "step {}: loss {}, gradient norm {}: not finite; first non-finite gradient: {}", step,
      result.loss, result.grad_norm, result.fault.empty() ? "none" : result.fault);
  const bool skips = session_.config.optimizer.on_nonfinite == NonFinitePolicy::skip;
  if (skips && may_skip()) {
    log::info("{}; the step is skipped", message);
    return;
  }
  if (skips) stop_skipping(message);
  finish_saves();
  throw RuntimeFailure(
      message +
          ": the weights were not updated, and the last checkpoint is valid; lower "
          "optimizer.learning_rate or set optimizer.on_nonfinite: skip",
      MetBy::every_rank);
}

void Trainer::meet_spike(const StartedStep& started, const StepResult& result) {
  const OptimizerSection& optimizer = session_.config.optimizer;
  const std::string message = fmt::format(
      "step {}: loss {:.4f} leaps over {:.4f}, {} standard deviations above the mean of {} steps",
      started.step, result.loss, started.loss_limit, optimizer.spike_deviations,
      optimizer.spike_window);
  if (can_rewind()) {
    rewind(message);
  } else if (may_skip()) {
    log::info("{}; the step is skipped", message);
  } else {
    stop_skipping(message);
  }
}

// Not to the weights that it has: within a stretch of bad batches, all but the first are skipped.
// Nor to a checkpoint with too few losses to recognise the next of them.
bool Trainer::can_rewind() const {
  const OptimizerSection& optimizer = session_.config.optimizer;
  return optimizer.on_spike == SpikePolicy::rewind && !at_checkpoint_ &&
         std::ssize(state_.losses) >= optimizer.spike_window;
}

// Counts the step if it may.
bool Trainer::may_skip() {
  if (state_.skipped_steps == session_.config.optimizer.max_skipped_steps) return false;
  ++state_.skipped_steps;
  return true;
}

void Trainer::stop_skipping(const std::string& message) {
  finish_saves();
  throw RuntimeFailure(
      fmt::format("{}, after {} skipped steps in a row, as many as optimizer.max_skipped_steps "
                  "allows: the weights were not updated, and the last checkpoint is valid; "
                  "lower optimizer.learning_rate",
                  message, state_.skipped_steps),
      MetBy::every_rank);
}

// Steps and data go on. So what the steps since the last checkpoint did to the weights is undone,
// and their batches are passed over. Their losses, which may lie below all that the older weights
// reach, count no more.
void Trainer::rewind(const std::string& message) {
  finish_saves();
  if (state_.rewinds == kMaxRewinds) {
    throw RuntimeFailure(
        fmt::format("{}, after {} rewinds to {}: lower optimizer.learning_rate, or resume from an "
                    "earlier checkpoint (--resume PATH)",
                    message, state_.rewinds, last_checkpoint_),
        MetBy::every_rank);
  }
  ++state_.rewinds;
  ++state_.skipped_steps;
  session_.mesh.world().barrier("the checkpoint to go back to");  // rank 0 has committed it
  train_step_.complete_values();
  restore_tensors(session_, train_step_.optimizer(), CheckpointReader(last_checkpoint_));
  train_step_.forget_update();
  spikes_.restore(state_.losses);
  at_checkpoint_ = true;
  log::info("{}; weights and optimiser are again those of {}", message, last_checkpoint_);
}

}  // namespace sy
