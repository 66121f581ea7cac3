// The collective that this process waits in, as the watchdog sees it. Only the thread that talks to
// MPI waits, so there is at most one.
#pragma once

#include <chrono>
#include <cstdint>

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

// start_watchdog (mpi_environment.h) begins the watch; this ends it and joins its thread.
void stop_watchdog();

}  // namespace sy
