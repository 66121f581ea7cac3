// SPDX-License-Identifier: Apache-2.0
// The reports about device threads that wait for something that never comes.
#include "tests/hostcuda/device/block.h"
#include "tests/hostcuda/device/report.h"

namespace sy::hostcuda {
namespace {

Message& kernel_and_block(Message& message) {
  return message << "kernel " << running.work << ", block " << place.block << ": ";
}

Message& waiting(Message& message, const DeviceThread& thread) {
  return message << "thread " << thread.index << " waits at " << thread.call << " in "
                 << thread.site;
}

}  // namespace

void report_left(const DeviceThread& waits, const DeviceThread& left) {
  Message message;
  waiting(kernel_and_block(message), waits)
      << ", but thread " << left.index << " has left the kernel";
  message.die();
}

void report_two_places(const DeviceThread& waits, const char* call, Site site) {
  Message message;
  waiting(kernel_and_block(message), waits)
      << ", but thread " << place.thread << " came to " << call << " in " << site;
  message.die();
}

// No thread can run: some wait for the whole block, others only for their warp.
void report_stuck() {
  const DeviceThread *in_warp = nullptr, *other = nullptr;
  for (const DeviceThread& thread : block.threads) {
    if (thread.state == State::in_warp && in_warp == nullptr) in_warp = &thread;
    if (thread.state == State::at_barrier && other == nullptr) other = &thread;
  }
  Message message;
  kernel_and_block(message);
  if (in_warp != nullptr) waiting(message, *in_warp);
  if (in_warp != nullptr && other != nullptr) message << ", but ";
  if (other != nullptr) waiting(message, *other);
  message << ": no thread can go on";
  message.die();
}

void report_unaligned(const void* at, size_t bytes, const char* instruction, Site site) {
  ((Message() << running) << " passes " << instruction << " in " << site << " the address " << at
                          << ", which is not aligned to " << bytes << " bytes")
      .die();
}

void report_source_lane(const char* name, unsigned source, unsigned mask, Site site) {
  ((Message() << running) << " reads lane " << source << " in " << name << ", " << site
                          << ", but its mask names the lanes " << mask << " only")
      .die();
}

}  // namespace sy::hostcuda
