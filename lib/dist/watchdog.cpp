// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/watchdog.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "lib/base/log.h"
#include "lib/dist/flight/flight_log.h"
#include "lib/dist/flight/flight_ring.h"
#include "lib/dist/flight/record_file.h"
#include "lib/dist/mpi/mpi_environment.h"
#include "lib/dist/time_limit.h"

namespace sy {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr double kAbortSeconds = 5;

struct Watch {
  std::mutex mutex;
  CollectiveCall call;  // number 0: no call in progress
  Clock::time_point begin;
  Clock::time_point awake;  // when this process went on after a pause
  Clock::duration waited{};

  // Separate from `mutex`, so that no MPI call waits while a GPU is polled.
  std::mutex queues_mutex;
  std::vector<WatchedQueue*> queues;

  std::atomic<double> limit = 0;
  std::condition_variable stopping;
  bool stop = false;
  std::thread thread;

  ~Watch() { stop_watchdog(); }
};

Watch& watch() {
  static Watch instance;
  return instance;
}

void report(const std::string& fault, const std::string& explanation) {
  const std::string prefix = log::prefix();
  std::string text = fmt::format("{}error: {}\n", prefix, fault);
  if (!explanation.empty()) text += fmt::format("{}error:   {}\n", prefix, explanation);
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

// NCCL may wait for other ranks here, and the job must end.
void abort_queues(const std::vector<WatchedQueue*>& queues) {
  run_within(kAbortSeconds, [queues] {
    for (WatchedQueue* queue : queues) queue->abort();
  });
}

void check_call(double limit) {
  Watch& state = watch();
  if (state.call.number == 0) return;
  const double waited = Seconds(Clock::now() - std::max(state.begin, state.awake)).count();
  if (waited <= limit) return;
  const std::string fault = hang_text(state.call, waited);
  report(fault, flight::explain_fault(flight::Reason::hang, fault, limit));
  MpiEnvironment::abort(1);
}

void check_queues(double limit) {
  Watch& state = watch();
  const std::lock_guard lock(state.queues_mutex);
  for (WatchedQueue* queue : state.queues) {
    const QueueFault fault = queue->fault(limit, state.awake);
    if (fault.text.empty()) continue;
    const auto reason = fault.hangs ? flight::Reason::hang : flight::Reason::failure;
    report(fault.text, flight::explain_fault(reason, fault.text, limit));
    abort_queues(state.queues);
    MpiEnvironment::abort(1);
  }
}

// A process that was stopped, or whose host stood still, kept the others waiting, so it must not
// complain of them when it goes on: its own waits count from then.
void note_pause(Clock::duration slept, double limit) {
  if (flight::note_pause(slept, limit)) watch().awake = Clock::now();
}

void run(double limit) {
  Watch& state = watch();
  const Seconds period(std::clamp(limit / 10, 0.01, 0.1));
  std::unique_lock lock(state.mutex);
  for (auto slept = Clock::now();
       !state.stopping.wait_for(lock, period, [&] { return state.stop; }); slept = Clock::now()) {
    note_pause(Clock::now() - slept, limit);
    check_call(limit);
    lock.unlock();
    check_queues(limit);
    flight::answer();
    lock.lock();
  }
}

}  // namespace

WatchedCall::WatchedCall(const CollectiveCall& call) : record_(call.record) {
  Watch& state = watch();
  const auto now = Clock::now();
  flight::call_is_waited_for(record_, now);
  const std::lock_guard lock(state.mutex);
  outer_ = state.call;
  outer_begin_ = state.begin;
  state.call = call;
  state.begin = now;
}

WatchedCall::~WatchedCall() {
  Watch& state = watch();
  const auto now = Clock::now();
  if (std::uncaught_exceptions() == 0) flight::call_ends(record_, now);
  const std::lock_guard lock(state.mutex);
  if (outer_.number == 0 && !is_file_wait(state.call)) state.waited += now - state.begin;
  state.call = outer_;
  state.begin = outer_begin_;
}

double hang_limit() {
  return watch().limit;
}

double seconds_waited() {
  Watch& state = watch();
  const std::lock_guard lock(state.mutex);
  return Seconds(state.waited).count();
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
  if (is_file_wait(call)) {
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
  watch().limit = seconds;
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
  state.limit = 0;
  state.stopping.notify_all();
  if (state.thread.joinable()) state.thread.join();
}

}  // namespace sy
