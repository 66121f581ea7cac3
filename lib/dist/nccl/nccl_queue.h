// The calls of one communicator that its stream has not done yet, in order, for those who wait for
// them and for the watchdog. A stream does its calls one after another, so that one number tells
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
  // The link must outlive it.
  explicit NcclQueue(NcclLink& link);
  ~NcclQueue() override;
  NcclQueue(const NcclQueue&) = delete;
  NcclQueue& operator=(const NcclQueue&) = delete;

  // Bracket what a call queues on the link's stream. It goes on after all that `compute` was given
  // before; numbers rise from call to call.
  void begin(cudaStream_t compute);
  void end(const CollectiveCall& call);

  bool done(int64_t number);
  // `compute` goes on after that call.
  void make_wait(int64_t number, cudaStream_t compute);

  std::string fault(double limit) override;
  void abort() override;

 private:
  using Clock = std::chrono::steady_clock;

  struct Queued {
    Queued();
    ~Queued();
    Queued(const Queued&) = delete;
    Queued& operator=(const Queued&) = delete;

    CollectiveCall call;
    std::string label;            // call.label, which may go before the call is done
    cudaEvent_t ready = nullptr;  // what the call comes after is done
    cudaEvent_t done = nullptr;
    bool under_way = false;  // `ready` was seen, at `since`
    Clock::time_point since;
  };

  void use_device();
  // Takes away what is done. These need the lock.
  void settle();
  std::string hang(double limit);

  NcclLink& link_;
  int device_ = 0;
  std::mutex mutex_;
  std::list<Queued> queued_;  // the oldest first
  std::list<Queued> idle_;    // the front is the one between begin() and end()
  int64_t done_ = 0;          // the last call that is known to be done
};

}  // namespace sy::detail
