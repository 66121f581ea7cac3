#include "lib/dist/watchdog.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "lib/base/log.h"
#include "lib/dist/mpi_environment.h"

namespace sy {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

struct Watch {
  std::mutex mutex;
  CollectiveCall call;  // number 0: none in progress
  Clock::time_point begin;

  std::condition_variable stopping;
  bool stop = false;
  std::thread thread;

  ~Watch() { stop_watchdog(); }
};

Watch& watch() {
  static Watch instance;
  return instance;
}

[[noreturn]] void report_and_abort(const CollectiveCall& call, double waited) {
  const std::string text = fmt::format(
      "{}error: {} \"{}\" (call {} of group {}) has waited {:.0f} s: another rank has ended, is "
      "stuck, or makes other calls; run.hang_timeout_seconds sets this limit\n",
      log::prefix(), call.call, call.label, call.number, call.group, waited);
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
  MpiEnvironment::abort(1);
}

void run(double limit) {
  Watch& state = watch();
  const Seconds period(std::clamp(limit / 10, 0.01, 1.0));
  std::unique_lock lock(state.mutex);
  while (!state.stopping.wait_for(lock, period, [&] { return state.stop; })) {
    if (state.call.number == 0) continue;
    const double waited = Seconds(Clock::now() - state.begin).count();
    if (waited > limit) report_and_abort(state.call, waited);
  }
}

}  // namespace

WatchedCall::WatchedCall(const CollectiveCall& call) {
  Watch& state = watch();
  const auto now = Clock::now();
  const std::lock_guard lock(state.mutex);
  outer_ = state.call;
  outer_begin_ = state.begin;
  state.call = call;
  state.begin = now;
}

WatchedCall::~WatchedCall() {
  Watch& state = watch();
  const std::lock_guard lock(state.mutex);
  state.call = outer_;
  state.begin = outer_begin_;
}

void start_watchdog(double seconds) {
  stop_watchdog();
  if (seconds <= 0) return;
  watch().stop = false;
  watch().thread = std::thread(run, seconds);
}

void stop_watchdog() {
  Watch& state = watch();
  {
    const std::lock_guard lock(state.mutex);
    state.stop = true;
  }
  state.stopping.notify_all();
  if (state.thread.joinable()) state.thread.join();
}

}  // namespace sy
