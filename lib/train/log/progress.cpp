// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "lib/base/log.h"

namespace sy {
namespace {

constexpr double kRedrawSeconds = 0.2;

// Checks both streams: mpirun gives ranks a pseudo-terminal as stdout but a pipe as stderr.
bool on_terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDOUT_FILENO) && isatty(STDERR_FILENO) && term != nullptr &&
         std::string(term) != "dumb";
}

std::string rate_text(double rate) {
  if (rate >= 1e6) return fmt::format("{:.1f}M", rate / 1e6);
  if (rate >= 1e3) return fmt::format("{:.1f}k", rate / 1e3);
  return fmt::format("{:.0f}", rate);
}

}  // namespace

std::string duration_text(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  const int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  if (hours > 0) return fmt::format("{}h{:02}m", hours, minutes);
  if (minutes > 0) return fmt::format("{}m{:02}s", minutes, whole % 60);
  return fmt::format("{}s", whole);
}

std::string progress_text(const TrainMetrics& metrics, int64_t total_steps, double seconds_left) {
  return fmt::format(
      "step {}/{}  loss {:.4f}  lr {:.3g}  grad {:.3g}  {} tok/s  dropped {:.1f}%  left {}",
      metrics.step, total_steps, metrics.loss, metrics.learning_rate, metrics.grad_norm,
      rate_text(metrics.tokens_per_second), 100 * metrics.dropped_fraction,
      duration_text(seconds_left));
}

Progress::Progress(int64_t first_step, int64_t total_steps)
    : first_step_(first_step),
      total_steps_(total_steps),
      live_(on_terminal()),
      begin_(Clock::now()),
      last_drawn_(begin_) {}

Progress::~Progress() {
  wipe();
}

void Progress::step_done(int64_t step) {
  if (!live_) return;
  const Clock::time_point now = Clock::now();
  if (std::chrono::duration<double>(now - last_drawn_).count() < kRedrawSeconds) return;
  last_drawn_ = now;
  const std::string loss = has_loss_ ? fmt::format("  loss {:.4f}", loss_) : "";
  fmt::print("\r\x1b[Kstep {}/{}{}  left {}", step, total_steps_, loss,
             duration_text(seconds_left(step)));
  std::fflush(stdout);
  drawn_ = true;
}

void Progress::report(const TrainMetrics& metrics) {
  wipe();
  loss_ = metrics.loss;
  has_loss_ = true;
  log::line(progress_text(metrics, total_steps_, seconds_left(metrics.step)));
}

double Progress::seconds_left(int64_t step) const {
  if (step <= first_step_) return -1;
  const double spent = std::chrono::duration<double>(Clock::now() - begin_).count();
  return spent / static_cast<double>(step - first_step_) * static_cast<double>(total_steps_ - step);
}

void Progress::wipe() {
  if (!drawn_) return;
  fmt::print("\r\x1b[K");
  std::fflush(stdout);
  drawn_ = false;
}

}  // namespace sy
