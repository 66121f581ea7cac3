// The threads of the block that runs, and what they wait for. Of block.cpp and its neighbours.
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

enum class State : uint8_t { unstarted, ready, at_barrier, in_warp, left };  // ready: or running

struct DeviceThread {
  uint3 index;
  State state;
  Fiber* fiber;      // where it waits
  const char* call;  // what it waits in: __syncthreads or a function of the warp
  Site site;
};

// One call that the lanes of `mask` come to. Its words stay until each of them has gone on, so a
// lane that is ahead finds another place for its next call.
struct Exchange {
  unsigned mask;
  unsigned arrived;  // and wait; none once all have come
  unsigned unread;   // lanes that have yet to go on
  Site site;
  uint64_t words[kWarpLanes];
};

struct Warp {
  unsigned present;                // lanes that have not left
  unsigned used;                   // the exchanges that hold lanes, a bit each
  Exchange exchanges[kWarpLanes];  // each holds a lane of its own: there is room
};

struct BlockState {
  const std::function<void()>* body = nullptr;
  std::vector<DeviceThread> threads;
  std::vector<uint32_t> ready;  // who can run; the last is next
  std::vector<Fiber*> idle;     // fibers without a thread
  uint32_t current = 0, next = 0;
  uint32_t at_barrier = 0, left = 0;
  Site barrier_site;
  std::array<Warp, kWarps> warps;
};
extern BlockState block;

// Lets others run until this thread is ready again.
void wait_here();

// Every thread may run now, in the order of the schedule; `random` draws when one is taken.
void make_all_ready(State state);

// Reports: two threads of which one waits for the other in vain.
[[noreturn]] void report_left(const DeviceThread& waits, const DeviceThread& left);
[[noreturn]] void report_two_places(const DeviceThread& waits, const char* call, Site site);
[[noreturn]] void report_stuck();

inline bool same(Site a, Site b) {
  return a.line() == b.line() &&
         (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

}  // namespace sy::hostcuda
