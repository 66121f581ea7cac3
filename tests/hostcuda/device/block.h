// SPDX-License-Identifier: Apache-2.0
// The state of the block that runs: its threads, and what each waits for. The threads are fibers
// that switch only where they wait; a thread that never waits costs no switch, since its fiber goes
// on with the next thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "tests/hostcuda/device/device.h"
#include "tests/hostcuda/device/fiber.h"

namespace sy::hostcuda {

constexpr unsigned kWarpLanes = 32;
constexpr unsigned kWarps = 32;  // of a block at most

enum class State : uint8_t { unstarted, ready, at_barrier, in_warp, left };  // ready or running

struct DeviceThread {
  uint3 index;
  State state;
  Fiber* fiber;      // the fiber in which it waits
  const char* call;  // the call it waits in: __syncthreads or a warp function
  Site site;
};

// One warp call that the lanes of `mask` take part in. Its words stay until every lane has read
// them, so a lane that is ahead uses another slot for its next call.
struct Exchange {
  unsigned mask;
  unsigned arrived;  // lanes that wait; 0 once all have arrived
  unsigned unread;   // lanes that have yet to continue
  Site site;
  uint64_t words[kWarpLanes];
};

struct Warp {
  unsigned present;                // lanes that have not left the kernel
  unsigned used;                   // exchanges in use, one bit each
  Exchange exchanges[kWarpLanes];  // each in use holds at least one lane, so these suffice
};

struct BlockState {
  const std::function<void()>* body = nullptr;
  std::vector<DeviceThread> threads;
  std::vector<uint32_t> ready;  // threads that can run; the last one is next
  std::vector<Fiber*> idle;     // fibers without a thread
  uint32_t current = 0, next = 0;
  uint32_t at_barrier = 0, left = 0;
  Site barrier_site;
  std::array<Warp, kWarps> warps;
};
extern BlockState block;

// Whether the barrier at `site` is left out on purpose, so that without_barriers.py can see a test
// fail without it: $SWITCHYARD_HOSTCUDA_WITHOUT names the end of its file and its line, such as
// "kernels/cuda/scan.h:24". Every barrier that is reached is recorded in the file named by
// $SWITCHYARD_HOSTCUDA_BARRIERS, if that is set.
bool is_omitted(Site site);

// Lets other threads run until this one is ready again.
void wait_here();

// Puts every thread into `state` and lets it run, in the order of the schedule. Under `random` the
// order is drawn when a thread is taken.
void make_all_ready(State state);

// Reports of a thread that waits for another that will never arrive.
[[noreturn]] void report_left(const DeviceThread& waits, const DeviceThread& left);
[[noreturn]] void report_two_places(const DeviceThread& waits, const char* call, Site site);
[[noreturn]] void report_stuck();

inline bool same(Site a, Site b) {
  return a.line() == b.line() &&
         (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

}  // namespace sy::hostcuda
