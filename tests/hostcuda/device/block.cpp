// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/device/block.h"

#include <algorithm>
#include <exception>

#include "tests/hostcuda/device/held_writes.h"
#include "tests/hostcuda/device/launch.h"
#include "tests/hostcuda/device/memory.h"
#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/device/schedule.h"
#include "tests/hostcuda/device/shared_memory.h"
#include "tests/hostcuda/races/accesses.h"

namespace sy::hostcuda {

Place place;
BlockState block;

namespace {

Fiber* kernel_fiber = nullptr;  // runs run_kernel() and waits for the block to end

void enter(uint32_t thread) {
  block.current = thread;
  place.thread = block.threads[thread].index;
  place.lane = thread % kWarpLanes;
  give_back_writes(thread);
}

uint32_t take_ready() {
  if (order() == Order::random) {
    std::swap(block.ready[draw(block.ready.size())], block.ready.back());
  }
  const uint32_t thread = block.ready.back();
  block.ready.pop_back();
  return thread;
}

bool awaited(const Warp& warp, unsigned lane) {
  for (unsigned used = warp.used; used != 0; used &= used - 1) {
    const Exchange& exchange = warp.exchanges[std::countr_zero(used)];
    if (exchange.arrived != 0 && (exchange.mask >> lane & 1) != 0) return true;
  }
  return false;
}

// Called when a thread has left the kernel; reports it if others wait for it.
void check_left(const DeviceThread& thread, uint32_t number) {
  Warp& warp = block.warps[number / kWarpLanes];
  const unsigned lane = number % kWarpLanes;
  warp.present &= ~(1u << lane);
  const bool lanes_wait = warp.used != 0 && awaited(warp, lane);
  if (block.at_barrier == 0 && !lanes_wait) return;
  for (uint32_t i = 0; i < block.threads.size(); ++i) {
    const DeviceThread& other = block.threads[i];
    const bool in_this_warp = i / kWarpLanes == number / kWarpLanes;
    if (other.state == State::at_barrier ||
        (lanes_wait && other.state == State::in_warp && in_this_warp)) {
      report_left(other, thread);
    }
  }
}

void run_thread(uint32_t number) {
  block.threads[number].state = State::ready;
  enter(number);
  try {
    (*block.body)();
  } catch (const std::exception& error) {
    ((Message() << running) << " threw an exception: " << error.what()).die();
  }
  show_writes();
  DeviceThread& thread = block.threads[number];
  thread.state = State::left;
  ++block.left;
  check_left(thread, number);
}

// The body of every fiber: runs threads that have not started for as long as one is next, then
// hands over to another fiber.
void work() {
  for (;;) {
    run_thread(block.next);
    Fiber* to = kernel_fiber;
    if (!block.ready.empty()) {
      block.next = take_ready();
      DeviceThread& thread = block.threads[block.next];
      if (thread.state == State::unstarted) continue;
      to = thread.fiber;
    } else if (block.left < block.threads.size()) {
      report_stuck();
    }
    block.idle.push_back(&running_fiber());
    switch_to(*to);
  }
}

Fiber& idle_fiber() {
  if (block.idle.empty()) return make_fiber(work);
  Fiber& fiber = *block.idle.back();
  block.idle.pop_back();
  return fiber;
}

void shape_block(const dim3& size) {
  const dim3& before = place.block_size;
  const uint32_t count = size.x * size.y * size.z;
  if (block.threads.size() == count && before.x == size.x && before.y == size.y) return;
  place.block_size = size;
  block.threads.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    block.threads[i].index = {i % size.x, i / size.x % size.y, i / size.x / size.y};
  }
}

void run_block(uint32_t number, size_t shared_bytes) {
  const dim3& grid = place.grid_size;
  place.block = {number % grid.x, number / grid.x % grid.y, number / grid.x / grid.y};
  begin_shared_memory(shared_bytes);
  begin_block_writes();
  begin_block_accesses(number);
  const uint32_t count = static_cast<uint32_t>(block.threads.size());
  for (uint32_t w = 0; w * kWarpLanes < count; ++w) {
    const uint32_t lanes = std::min(kWarpLanes, count - w * kWarpLanes);
    block.warps[w].present = lanes == kWarpLanes ? ~0u : (1u << lanes) - 1;
  }
  block.at_barrier = block.left = 0;
  make_all_ready(State::unstarted);
  block.next = take_ready();
  switch_to(idle_fiber());
}

}  // namespace

void wait_here() {
  const uint32_t me = block.current;
  if (block.ready.empty()) report_stuck();
  block.next = take_ready();
  if (block.next != me) {
    block.threads[me].fiber = &running_fiber();
    DeviceThread& next = block.threads[block.next];
    switch_to(next.state == State::unstarted ? idle_fiber() : *next.fiber);
  }
  enter(me);
}

void run_kernel(const KernelCall& call, const std::function<void()>& body) {
  const DeviceAccess access;
  running.is_kernel = true;
  running.shared_bytes = call.shared_bytes;
  kernel_fiber = &running_fiber();
  begin_kernel_writes();
  begin_kernel_accesses();
  block.body = &body;
  place.grid_size = call.grid;
  shape_block(call.block);
  std::vector<uint32_t> turns;
  order_turns(turns, size_t{call.grid.x} * call.grid.y * call.grid.z);
  for (const uint32_t number : turns) {
    run_block(number, call.shared_bytes);
    check_shared_memory();
  }
  check_borders();
  running.is_kernel = false;
}

}  // namespace sy::hostcuda
