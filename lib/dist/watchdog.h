// The collective that this process waits in, as the watchdog sees it, and those that are queued on
// a GPU. Only the thread that talks to MPI waits, so there is at most one of the former.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace sy {

// What is known of a collective. The strings must outlive it.
struct CollectiveCall {
  const char* call = "";   // "all_to_all"
  const char* label = "";  // "encoder/layers/1/moe dispatch"
  const char* group = "";  // "expert"
  int64_t number = 0;      // its number among the calls of the group, from 1
};

// Marks the enclosing block as waiting in a call: an uncontended lock and a clock read at each end,
// 35 ns measured. Nests: the inner call hides the outer one.
class WatchedCall {
 public:
  explicit WatchedCall(const CollectiveCall& call);
  ~WatchedCall();
  WatchedCall(const WatchedCall&) = delete;
  WatchedCall& operator=(const WatchedCall&) = delete;

 private:
  CollectiveCall outer_;
  std::chrono::steady_clock::time_point outer_begin_;
};

// Collectives that no thread waits for by name, because a GPU does them. The watchdog asks about
// them once a period, on its own thread.
class WatchedQueue {
 public:
  virtual ~WatchedQueue() = default;
  // One sentence about what is wrong: a call under way for more than `limit` seconds (hang_text),
  // or one that failed. Empty: nothing. Throws nothing and waits for nothing.
  virtual std::string fault(double limit) = 0;
  // Ends what is under way; the job ends next.
  virtual void abort() = 0;
};

// While this lives, the watchdog knows the queue.
class QueueWatch {
 public:
  explicit QueueWatch(WatchedQueue& queue);
  ~QueueWatch();
  QueueWatch(const QueueWatch&) = delete;
  QueueWatch& operator=(const QueueWatch&) = delete;

 private:
  WatchedQueue& queue_;
};

// "all_to_all "dispatch" (call 3 of group expert) has waited 600 s: ...".
std::string hang_text(const CollectiveCall& call, double waited);

// start_watchdog (mpi_environment.h) begins the watch; this ends it and joins its thread.
void stop_watchdog();

}  // namespace sy
