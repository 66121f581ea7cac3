// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/watchdog.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "lib/base/log.h"
#include "lib/dist/mpi/mpi_environment.h"

namespace sy {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr Seconds kAbortSeconds(5);

struct Watch {
  std::mutex mutex;
  CollectiveCall call;  // number 0: no call in progress
  Clock::time_point begin;

  // Separate from `mutex`, so that no MPI call waits while a GPU is polled.
  std::mutex queues_mutex;
  std::vector<WatchedQueue*> queues;

  std::condition_variable stopping;
  bool stop = false;
  std::thread thread;

  ~Watch() { stop_watchdog(); }
};

Watch& watch() {
  static Watch instance;
  return instance;
}

void report(const std::string& fault) {
  std::fputs(fmt::format("{}error: {}\n", log::prefix(), fault).c_str(), stderr);
  std::fflush(stderr);
}

// On a separate thread and with a time limit: NCCL may wait for other ranks here, and the job must
// end.
void abort_queues(const std::vector<WatchedQueue*>& queues) {
  std::promise<void> promise;
  const std::future<void> aborted = promise.get_future();
  std::thread([queues, promise = std::move(promise)]() mutable {
    for (WatchedQueue* queue : queues) queue->abort();
    promise.set_value();
  }).detach();
  aborted.wait_for(kAbortSeconds);
}

void check_call(double limit) {
  Watch& state = watch();
  if (state.call.number == 0) return;
  const double waited = Seconds(Clock::now() - state.begin).count();
  if (waited <= limit) return;
  report(hang_text(state.call, waited));
  MpiEnvironment::abort(1);
}

void check_queues(double limit) {
  Watch& state = watch();
  const std::lock_guard lock(state.queues_mutex);
  for (WatchedQueue* queue : state.queues) {
    const std::string fault = queue->fault(limit);
    if (fault.empty()) continue;
    report(fault);
    abort_queues(state.queues);
    MpiEnvironment::abort(1);
  }
}

void run(double limit) {
  Watch& state = watch();
  const Seconds period(std::clamp(limit / 10, 0.01, 1.0));
  std::unique_lock lock(state.mutex);
  while (!state.stopping.wait_for(lock, period, [&] { return state.stop; })) {
    check_call(limit);
    lock.unlock();
    check_queues(limit);
    lock.lock();
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

QueueWatch::QueueWatch(WatchedQueue& queue) : queue_(queue) {
  Watch& state = watch();
  const std::lock_guard lock(state.queues_mutex);
  state.queues.push_back(&queue);
}

QueueWatch::~QueueWatch() {
  Watch& state = watch();
  const std::lock_guard lock(state.queues_mutex);
  std::erase(state.queues, &queue_);
}

std::string hang_text(const CollectiveCall& call, double waited) {
  if (*call.group == '\0') {
    return fmt::format(
        "{} has taken {:.0f} s: the file system does not answer or is too slow; "
        "run.hang_timeout_seconds sets this limit",
        call.call, waited);
  }
  return fmt::format(
      "{} \"{}\" (call {} of group {}) has waited {:.0f} s: another rank has ended, is stuck, or "
      "makes other calls; run.hang_timeout_seconds sets this limit",
      call.call, call.label, call.number, call.group, waited);
}

void start_watchdog(double seconds) {
  stop_watchdog();
  watch().stop = false;
  // Failed calls in a queue are reported whatever the limit is.
  watch().thread =
      std::thread(run, seconds > 0 ? seconds : std::numeric_limits<double>::infinity());
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
