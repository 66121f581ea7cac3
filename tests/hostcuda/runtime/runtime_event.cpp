// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <set>

#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/runtime/runtime.h"

using namespace sy::hostcuda;

namespace {

std::set<cudaEvent_t>& events() {
  static auto* the = new std::set<cudaEvent_t>;
  return *the;
}

// Guards the set of events and their records, which a watchdog thread may query while the main
// thread waits and holds the runtime's lock.
std::mutex& events_mutex() {
  static auto* the = new std::mutex;
  return *the;
}

// What pass_time() has added to the clock.
Clock::duration& passed() {
  static Clock::duration the{};
  return the;
}

bool on_main_thread() {
  return gettid() == getpid();
}

CUevent_st& checked_event(cudaEvent_t event, const char* call) {
  check_caller(call);
  if (events().count(event) == 0) {
    (Message() << call << " with an event that does not exist, or no longer").die();
  }
  return *event;
}

bool complete(const CUevent_st& event) {
  return event.record == nullptr || event.record->done;
}

// For other threads than the main one, which alone runs queued work.
bool complete_as_others_see(cudaEvent_t event) {
  const std::lock_guard lock(events_mutex());
  if (events().count(event) == 0) {
    (Message() << "cudaEventQuery with an event that does not exist, or no longer").die();
  }
  return complete(*event);
}

}  // namespace

void sy::hostcuda::pass_time(double milliseconds) {
  passed() += std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double, std::milli>(milliseconds));
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  const Lock lock(runtime_mutex());
  check_caller("cudaEventCreate");
  if (event == nullptr) return failed(cudaErrorInvalidValue);
  const std::lock_guard change(events_mutex());
  *event = new CUevent_st{.flags = flags, .record = nullptr};
  events().insert(*event);
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const Lock lock(runtime_mutex());
  const CUevent_st* destroyed = &checked_event(event, "cudaEventDestroy");
  const std::lock_guard change(events_mutex());
  delete destroyed;
  events().erase(event);
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Lock lock(runtime_mutex());
  CUstream_st& on = checked(stream, "cudaEventRecord");
  CUevent_st& recorded = checked_event(event, "cudaEventRecord");
  const auto record = std::make_shared<Record>();
  record->stream = &on;
  {
    const std::lock_guard change(events_mutex());
    recorded.record = record;
  }
  queue_host(stream, "cudaEventRecord", [record] {
    record->when = Clock::now() + passed();
    record->done = true;
  });
  return cudaSuccess;
}

// Waits for the latest record at the time of the call, not for later ones. If there is none, it
// does not wait.
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const Lock lock(runtime_mutex());
  CUstream_st& waits = checked(stream, "cudaStreamWaitEvent");
  const CUevent_st& on = checked_event(event, "cudaStreamWaitEvent");
  if (!complete(on)) {
    queue(waits, {.name = "cudaStreamWaitEvent", .run = nullptr, .wait = on.record});
  }
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (!on_main_thread()) {
    return complete_as_others_see(event) ? cudaSuccess : failed(cudaErrorNotReady);
  }
  const Lock lock(runtime_mutex());
  const CUevent_st& asked = checked_event(event, "cudaEventQuery");
  if (!complete(asked)) run_a_little(*asked.record->stream);
  return complete(asked) ? cudaSuccess : failed(cudaErrorNotReady);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Lock lock(runtime_mutex());
  const CUevent_st& awaited = checked_event(event, "cudaEventSynchronize");
  if (awaited.record != nullptr) run_until_done(awaited.record);
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  const Lock lock(runtime_mutex());
  for (const cudaEvent_t event : {start, end}) {
    const CUevent_st& timed = checked_event(event, "cudaEventElapsedTime");
    if ((timed.flags & cudaEventDisableTiming) != 0 || timed.record == nullptr) {
      return failed(cudaErrorInvalidResourceHandle);
    }
    if (!timed.record->done) return failed(cudaErrorNotReady);
  }
  *milliseconds =
      std::chrono::duration<float, std::milli>(end->record->when - start->record->when).count();
  return cudaSuccess;
}
