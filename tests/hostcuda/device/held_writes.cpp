// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/device/held_writes.h"

#include <array>
#include <cstring>
#include <vector>

#include "tests/hostcuda/device/device.h"
#include "tests/hostcuda/device/schedule.h"
#include "tests/hostcuda/device/shared_memory.h"

namespace sy::hostcuda {
namespace {

struct Write {
  uint16_t at;
  char value;
};

// True only once the kernel has executed a shuffle or vote, so that other kernels pay nothing.
bool holding = false;
std::array<char, kHeldBytes> shown;  // what all threads see; memory also has the running thread's
std::array<std::vector<Write>, 1024> held;  // by thread of the block

bool fits() {
  return shared_bytes() > 0 && shared_bytes() <= kHeldBytes;
}

}  // namespace

void begin_kernel_writes() {
  holding = false;
}

void begin_block_writes() {
  if (holding) std::memcpy(shown.data(), shared_memory(), shared_bytes());
}

void show_writes() {
  if (holding) std::memcpy(shown.data(), shared_memory(), shared_bytes());
}

void hold_writes(uint32_t thread) {
  if (order() == Order::forward || !fits()) return;
  char* memory = shared_memory();
  const size_t bytes = shared_bytes();
  if (!holding || (order() == Order::random && draw(2) == 0)) {
    holding = true;
    show_writes();
    return;
  }
  if (std::memcmp(memory, shown.data(), bytes) == 0) return;
  constexpr size_t kStep = 64;
  for (size_t first = 0; first < bytes; first += kStep) {
    const size_t count = first + kStep < bytes ? kStep : bytes - first;
    if (std::memcmp(memory + first, shown.data() + first, count) == 0) continue;
    for (size_t i = first; i < first + count; ++i) {
      if (memory[i] == shown[i]) continue;
      held[thread].push_back({static_cast<uint16_t>(i), memory[i]});
      memory[i] = shown[i];
    }
  }
}

void give_back_writes(uint32_t thread) {
  if (!holding) return;
  char* memory = shared_memory();
  for (const Write& write : held[thread]) memory[write.at] = write.value;
  held[thread].clear();
}

void show_atomic(const void* at, size_t bytes) {
  if (!holding) return;
  const char* from = static_cast<const char*>(at);
  const std::ptrdiff_t offset = from - shared_memory();
  if (offset < 0 || offset >= static_cast<std::ptrdiff_t>(shared_bytes())) return;
  std::memcpy(shown.data() + offset, from, bytes);
}

}  // namespace sy::hostcuda
