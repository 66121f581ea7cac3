// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/races/order.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <vector>

#include "tests/hostcuda/device/block.h"

namespace sy::hostcuda {

Steps steps;

namespace {

// What each lane of a warp knows of every lane: how many of its clock's ticks are past. A lane's
// own entry is its clock.
struct Known {
  uint32_t of[kWarpLanes][kWarpLanes];
};
Known warps[kWarps];
bool met = false;  // since the block began

struct Start {
  uint32_t step, block;
};
std::vector<Start> starts;  // of the launch's blocks

uint32_t clock_of(uint32_t thread) {
  const uint32_t lane = thread % kWarpLanes;
  return warps[thread / kWarpLanes].of[lane][lane] + 1;
}

}  // namespace

void begin_kernel_accesses() {
  if (!watching) return;
  steps.first_of_kernel = steps.now + 1;
  starts.clear();
}

void begin_block_accesses(uint32_t number) {
  if (!watching) return;
  steps.first_of_block = ++steps.now;
  starts.push_back({steps.now, number});
  if (met) std::memset(warps, 0, sizeof warps);
  met = false;
}

void pass_barrier() {
  ++steps.now;
}

void meet_lanes(uint32_t warp, unsigned mask) {
  if (!watching) return;
  met = true;
  Known& known = warps[warp];
  uint32_t joint[kWarpLanes] = {};
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    ++known.of[lane][lane];
    for (unsigned i = 0; i < kWarpLanes; ++i) joint[i] = std::max(joint[i], known.of[lane][i]);
  }
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    std::memcpy(known.of[std::countr_zero(rest)], joint, sizeof joint);
  }
}

Mark mark_of_thread(int32_t code) {
  const uint32_t me = block.current;
  return {steps.now, me & 1023, clock_of(me) & ((1u << 22) - 1), code};
}

bool met_since(const Mark& mark) {
  const uint32_t me = block.current, them = mark.thread;
  if (me == them) return true;
  if (me / kWarpLanes != them / kWarpLanes) return false;
  const Known& known = warps[me / kWarpLanes];
  return known.of[me % kWarpLanes][them % kWarpLanes] >= mark.clock;
}

uint32_t block_of(uint32_t step) {
  const auto after = std::upper_bound(starts.begin(), starts.end(), step,
                                      [](uint32_t at, const Start& s) { return at < s.step; });
  return std::prev(after)->block;
}

}  // namespace sy::hostcuda
