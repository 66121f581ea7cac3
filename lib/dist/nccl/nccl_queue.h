// SPDX-License-Identifier: Apache-2.0
// The calls of one communicator that its stream has not finished, in order, for those who wait for
// them and for the watchdog. A stream runs its calls one after another, so a single number tells
// which are done.
#pragma once

#include <chrono>
#include <list>
#include <mutex>
#include <string>

#include "lib/dist/nccl/nccl_link.h"
#include "lib/dist/watchdog.h"

namespace sy::detail {

class NcclQueue final : public WatchedQueue {
 public:
  using Clock = std::chrono::steady_clock;

  // The link must outlive it.
  explicit NcclQueue(NcclLink& link);
  ~NcclQueue() override;
  NcclQueue(const NcclQueue&) = delete;
  NcclQueue& operator=(const NcclQueue&) = delete;

  // Called before and after a call is queued on the link's stream. The call starts after all work
  // queued so far on `compute`. Call numbers increase.
  void begin(cudaStream_t compute);
  void end(const CollectiveCall& call);

  bool done(int64_t number);
  // Makes `compute` wait for that call.
  void make_wait(int64_t number, cudaStream_t compute);

  QueueFault fault(double limit, Clock::time_point awake) override;
  void abort() override;

 private:
  struct Queued {
    Queued();
    ~Queued();
    Queued(const Queued&) = delete;
    Queued& operator=(const Queued&) = delete;

    CollectiveCall call;
    std::string label;            // copy of call.label, which the call may outlive
    cudaEvent_t ready = nullptr;  // the work that the call waits for is done
    cudaEvent_t done = nullptr;
    bool under_way = false;  // `ready` was seen to have passed, at `since`
    Clock::time_point since;
  };

  void use_device();
  // Removes finished calls. These two require the lock.
  void settle();
  std::string hang(double limit, Clock::time_point awake);

  NcclLink& link_;
  int device_ = 0;
  std::mutex mutex_;
  std::list<Queued> queued_;  // oldest first
  std::list<Queued> idle_;    // the front is in use between begin() and end()
  int64_t done_ = 0;          // the last call known to be done
};

}  // namespace sy::detail
