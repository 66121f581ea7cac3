// SPDX-License-Identifier: Apache-2.0
// What the watchdog observes: the collective or the file system that this process waits for, and
// collectives queued on a GPU. Only the thread that calls MPI waits, so there is at most one of the
// former.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace sy {

// Identifies a collective. The strings must outlive it.
struct CollectiveCall {
  const char* call = "";   // "all_to_all"
  const char* label = "";  // "encoder/layers/1/moe dispatch"
  const char* group = "";  // "expert"
  int64_t number = 0;      // counts the calls of the group, from 1
  int64_t record = 0;      // in the flight recorder (flight_ring.h); 0: none
};

// Stands for a wait for a file system. If all ranks wait for one, none of them is in a collective.
// `doing`: "writing a checkpoint".
inline CollectiveCall file_wait(const char* doing) {
  return {doing, "", "", 1};
}

inline bool is_file_wait(const CollectiveCall& call) {
  return *call.group == '\0';
}

// Marks the enclosing block as blocked in a collective, which has ended when the block does, unless
// by an exception, or in a file_wait(). Costs an uncontended lock and a clock read at each end.
// Nests: an inner call hides the outer one.
class WatchedCall {
 public:
  explicit WatchedCall(const CollectiveCall& call);
  ~WatchedCall();
  WatchedCall(const WatchedCall&) = delete;
  WatchedCall& operator=(const WatchedCall&) = delete;

 private:
  int64_t record_;
  CollectiveCall outer_;
  std::chrono::steady_clock::time_point outer_begin_;
};

// What is wrong with a collective, in one sentence; empty if nothing is.
struct QueueFault {
  std::string text;
  bool hangs = false;  // as opposed to a call that has failed
};

// Collectives that run on a GPU, so that no host thread waits for each of them. The watchdog thread
// polls the queue once per period.
class WatchedQueue {
 public:
  virtual ~WatchedQueue() = default;
  // Of a call in flight for more than `limit` seconds since `awake` or later (hang_text), or of a
  // failed call. Neither throws nor blocks.
  virtual QueueFault fault(double limit, std::chrono::steady_clock::time_point awake) = 0;
  // Aborts all calls in flight. The job ends next.
  virtual void abort() = 0;
};

// Registers a queue with the watchdog for the lifetime of this object.
class QueueWatch {
 public:
  explicit QueueWatch(WatchedQueue& queue);
  ~QueueWatch();
  QueueWatch(const QueueWatch&) = delete;
  QueueWatch& operator=(const QueueWatch&) = delete;

 private:
  WatchedQueue& queue_;
};

// "all_to_all "dispatch" (call 3 of group expert) has waited 600 s: ...", or for a file_wait()
// "writing a checkpoint has taken 600 s: ...".
std::string hang_text(const CollectiveCall& call, double waited);

// Seconds that this process has been blocked in collectives since it began. On a GPU the host does
// not wait for its collectives, so theirs are not in it.
double seconds_waited();

// Seconds that a collective may block, as start_watchdog was told; 0: no limit, or no watchdog.
double hang_limit();

// Stops the watchdog that start_watchdog (mpi_environment.h) started, and joins its thread.
void stop_watchdog();

}  // namespace sy
