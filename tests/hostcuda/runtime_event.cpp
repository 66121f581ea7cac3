#include <chrono>
#include <set>

#include "tests/hostcuda/report.h"
#include "tests/hostcuda/runtime.h"
#include "tests/hostcuda/stream_state.h"

using namespace sy::hostcuda;

namespace {

std::set<cudaEvent_t>& events() {
  static auto* the = new std::set<cudaEvent_t>;
  return *the;
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

}  // namespace

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  const Lock lock(runtime_mutex());
  check_caller("cudaEventCreate");
  if (event == nullptr) return failed(cudaErrorInvalidValue);
  *event = new CUevent_st{.flags = flags, .record = nullptr};
  events().insert(*event);
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const Lock lock(runtime_mutex());
  delete &checked_event(event, "cudaEventDestroy");
  events().erase(event);
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Lock lock(runtime_mutex());
  CUstream_st& on = checked(stream, "cudaEventRecord");
  const auto record = std::make_shared<Record>(Record{.stream = &on});
  checked_event(event, "cudaEventRecord").record = record;
  queue_host(stream, "cudaEventRecord", [record] {
    record->done = true;
    record->when = Clock::now();
  });
  return cudaSuccess;
}

// Waits for the latest record of now, not for one that is made later; for none if there is none.
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
