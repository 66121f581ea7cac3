// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/nccl/nccl_queue.h"

#include <algorithm>

#include "lib/dist/flight/flight_ring.h"
#include "lib/dist/nccl/nccl_check.h"
#include "lib/tensor/cuda/cuda_check.h"

namespace sy::detail {
namespace {

// The watchdog removes finished calls once per period. This bounds the list if it does not run.
constexpr size_t kUnsettled = 512;

cudaEvent_t make_event() {
  cudaEvent_t event = nullptr;
  check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "creating an event");
  return event;
}

bool passed(cudaEvent_t event) {
  const cudaError_t status = cudaEventQuery(event);
  if (status == cudaErrorNotReady) {
    cudaGetLastError();  // not an error; clear it, or the next launch check reports it
    return false;
  }
  check_cuda(status, "asking whether a collective is done");
  return true;
}

}  // namespace

NcclQueue::Queued::Queued() : ready(make_event()), done(make_event()) {}

NcclQueue::Queued::~Queued() {
  // Errors are ignored here: they follow one that was reported.
  cudaEventDestroy(done);
  cudaEventDestroy(ready);
}

NcclQueue::NcclQueue(NcclLink& link) : link_(link) {
  check_cuda(cudaGetDevice(&device_), "asking which GPU is in use");
}

NcclQueue::~NcclQueue() = default;

void NcclQueue::begin(cudaStream_t compute) {
  const std::lock_guard lock(mutex_);
  if (queued_.size() > kUnsettled) settle();
  if (idle_.empty()) idle_.emplace_front();
  const cudaEvent_t ready = idle_.front().ready;
  check_cuda(cudaEventRecord(ready, compute), "queueing a collective");
  check_cuda(cudaStreamWaitEvent(link_.stream(), ready, 0), "queueing a collective");
}

void NcclQueue::end(const CollectiveCall& call) {
  const std::lock_guard lock(mutex_);
  Queued& queued = idle_.front();
  check_cuda(cudaEventRecord(queued.done, link_.stream()), "queueing a collective");
  queued.label = call.label;
  queued.call = call;
  queued.call.label = queued.label.c_str();
  queued.under_way = false;
  queued_.splice(queued_.end(), idle_, idle_.begin());
}

bool NcclQueue::done(int64_t number) {
  const std::lock_guard lock(mutex_);
  if (done_ < number) settle();
  return done_ >= number;
}

void NcclQueue::make_wait(int64_t number, cudaStream_t compute) {
  const std::lock_guard lock(mutex_);
  const auto queued = std::find_if(queued_.rbegin(), queued_.rend(), [number](const Queued& each) {
    return each.call.number == number;
  });
  if (queued == queued_.rend()) return;  // already done
  check_cuda(cudaStreamWaitEvent(compute, queued->done, 0), "waiting for a collective");
}

void NcclQueue::settle() {
  while (!queued_.empty() && passed(queued_.front().done)) {
    done_ = queued_.front().call.number;
    flight::call_ends(queued_.front().call.record, Clock::now());
    idle_.splice(idle_.end(), queued_, queued_.begin());
  }
}

std::string NcclQueue::hang(double limit, Clock::time_point awake) {
  settle();
  if (queued_.empty()) return "";
  Queued& oldest = queued_.front();
  if (!oldest.under_way) {
    oldest.under_way = passed(oldest.ready);
    oldest.since = Clock::now();
    if (oldest.under_way) flight::call_is_waited_for(oldest.call.record, oldest.since);
    return "";
  }
  const auto since = std::max(oldest.since, awake);
  const double waited = std::chrono::duration<double>(Clock::now() - since).count();
  return waited > limit ? hang_text(oldest.call, waited) : "";
}

// The watchdog's threads have selected no GPU. The runtime would use the first one, which belongs
// to another rank, and create a context there.
void NcclQueue::use_device() {
  check_cuda(cudaSetDevice(device_), "choosing a GPU");
}

void NcclQueue::abort() {
  cudaSetDevice(device_);  // errors are ignored: they follow one that was reported
  link_.abort();
}

QueueFault NcclQueue::fault(double limit, Clock::time_point awake) {
  const std::lock_guard lock(mutex_);
  try {
    use_device();
    const ncclResult_t error = link_.error();
    if (error == ncclSuccess) return {hang(limit, awake), /*hangs=*/true};
    if (queued_.empty()) return {fmt::format("NCCL: {}", link_.error_text(error))};
    const CollectiveCall& oldest = queued_.front().call;
    return {fmt::format("{} \"{}\" (call {} of group {}) or a call queued after it: {}",
                        oldest.call, oldest.label, oldest.number, oldest.group,
                        link_.error_text(error))};
  } catch (const Error& failure) {
    return {failure.what()};
  }
}

}  // namespace sy::detail
