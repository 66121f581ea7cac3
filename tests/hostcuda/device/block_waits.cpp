// SPDX-License-Identifier: Apache-2.0
// The calls in which device threads wait for each other.
#include "tests/hostcuda/device/block.h"
#include "tests/hostcuda/device/held_writes.h"
#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/device/schedule.h"
#include "tests/hostcuda/races/accesses.h"

namespace sy::hostcuda {
namespace {

const DeviceThread& first_in(State state) {
  for (const DeviceThread& thread : block.threads) {
    if (thread.state == state) return thread;
  }
  report_stuck();
}

void mark(State state, const char* call, Site site) {
  DeviceThread& thread = block.threads[block.current];
  thread.state = state;
  thread.call = call;
  thread.site = site;
}

// The thread of a lane in the running thread's warp, or null if the block has no such thread.
const DeviceThread* lane_thread(unsigned lane) {
  const uint32_t number = block.current / kWarpLanes * kWarpLanes + lane;
  return number < block.threads.size() ? &block.threads[number] : nullptr;
}

void check_mask(const Warp& warp, unsigned mask, const char* name, Site site) {
  const unsigned absent = mask & ~warp.present, lane = block.current % kWarpLanes;
  if ((mask >> lane & 1) == 0) {
    ((Message() << running) << " calls " << name << " in " << site
                            << " with a mask that leaves out its own lane " << lane)
        .die();
  }
  if (absent == 0) return;
  const unsigned missing = static_cast<unsigned>(std::countr_zero(absent));
  DeviceThread here = block.threads[block.current];
  here.call = name;
  here.site = site;
  if (const DeviceThread* thread = lane_thread(missing)) report_left(here, *thread);
  ((Message() << running) << " calls " << name << " in " << site << " with lane " << missing
                          << ", which the block has no thread for")
      .die();
}

// The exchange in which lanes already wait for this call, or else a new one. Reports a deadlock:
// this lane is needed by another call, whose waiting lanes are needed here.
Exchange& find_exchange(Warp& warp, unsigned mask, const char* name, Site site) {
  const unsigned lane = block.current % kWarpLanes;
  for (unsigned used = warp.used; used != 0; used &= used - 1) {
    Exchange& open = warp.exchanges[std::countr_zero(used)];
    if (open.arrived == 0) continue;
    if (open.mask == mask && same(open.site, site)) return open;
    if ((open.mask >> lane & 1) != 0 && (open.arrived & mask) != 0) {
      const unsigned waiting = static_cast<unsigned>(std::countr_zero(open.arrived));
      report_two_places(*lane_thread(waiting), name, site);
    }
  }
  const int place_free = std::countr_one(warp.used);
  warp.used |= 1u << place_free;
  Exchange& exchange = warp.exchanges[place_free];
  exchange.mask = mask;
  exchange.site = site;
  return exchange;
}

// A lane continues with the words; the last one to do so frees the slot.
void go_on(Warp& warp, Exchange& exchange, unsigned lane) {
  exchange.unread &= ~(1u << lane);
  if (exchange.unread == 0) warp.used &= ~(1u << (&exchange - warp.exchanges));
}

void wake_others(const Exchange& exchange) {
  const uint32_t first = block.current / kWarpLanes * kWarpLanes;
  const bool forward = order() == Order::forward;
  for (unsigned i = 0; i < kWarpLanes; ++i) {
    const unsigned lane = forward ? kWarpLanes - 1 - i : i;
    if ((exchange.mask >> lane & 1) == 0 || first + lane == block.current) continue;
    block.threads[first + lane].state = State::ready;
    block.ready.push_back(first + lane);
  }
}

// Waits until every lane of `mask` has reached the same call. Returns the words of the 32 lanes.
// `orders` means that it orders the lanes' accesses of memory as well.
const uint64_t* wait_for_lanes(unsigned mask, uint64_t word, const char* name, Site site,
                               bool orders) {
  const unsigned lane = block.current % kWarpLanes;
  Warp& warp = block.warps[block.current / kWarpLanes];
  if ((mask & ~warp.present) != 0 || (mask >> lane & 1) == 0) check_mask(warp, mask, name, site);
  Exchange& call = find_exchange(warp, mask, name, site);
  call.words[lane] = word;
  call.arrived |= 1u << lane;
  if (call.arrived != mask) {
    mark(State::in_warp, name, site);
    wait_here();
  } else {
    call.arrived = 0;
    call.unread = mask;
    if (orders) meet_lanes(block.current / kWarpLanes, mask);
    wake_others(call);
  }
  go_on(warp, call, lane);
  return call.words;
}

}  // namespace

void make_all_ready(State state) {
  const uint32_t count = static_cast<uint32_t>(block.threads.size());
  const bool forward = order() == Order::forward;
  block.ready.clear();
  for (uint32_t i = 0; i < count; ++i) {
    block.threads[i].state = state;
    block.ready.push_back(forward ? count - 1 - i : i);
  }
}

void barrier(Site site) {
  if (is_omitted(site)) return;
  show_writes();
  const DeviceThread& thread = block.threads[block.current];
  if (block.at_barrier == 0) {
    block.barrier_site = site;
  } else if (!same(block.barrier_site, site)) {
    report_two_places(first_in(State::at_barrier), "__syncthreads", site);
  }
  if (block.left > 0) {
    DeviceThread here = thread;
    here.call = "__syncthreads";
    here.site = site;
    report_left(here, first_in(State::left));
  }
  mark(State::at_barrier, "__syncthreads", site);
  if (++block.at_barrier == block.threads.size()) {
    block.at_barrier = 0;
    pass_barrier();
    make_all_ready(State::ready);
  }
  wait_here();
}

void sync_warp(unsigned mask, Site site) {
  show_writes();
  wait_for_lanes(mask, 0, "__syncwarp", site, true);
}

const uint64_t* exchange(unsigned mask, uint64_t word, const char* name, Site site) {
  hold_writes(block.current);
  const uint64_t* words = wait_for_lanes(mask, word, name, site, false);
  give_back_writes(block.current);
  return words;
}

}  // namespace sy::hostcuda
