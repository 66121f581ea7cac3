// SPDX-License-Identifier: Apache-2.0
// Memory as the CUDA runtime hands it out. Each allocation lies between two guard pages, is aligned
// to 16 bytes, ends at the guard page behind it, and is filled with 0xff (NaN), so that nothing
// reads as zero by chance. Memory of kind `device` is accessible only while a DeviceAccess lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace sy::hostcuda {

enum class Kind : uint8_t { device, managed, pinned };

struct Allocation {
  char* mapping;  // with a guard page at each end
  size_t mapped_bytes;
  char* begin;
  size_t bytes;
  Kind kind;
  bool live;  // freed memory faults for a while, so that a use after free is reported
};

constexpr size_t kTotalBytes = size_t{16} << 30;
constexpr size_t kMemoryAlignment = 16;

// How much the GPU has: kTotalBytes, unless a test changes it.
size_t& total_bytes();

// Null if total_bytes() would be exceeded or the host has no more memory.
void* allocate(Kind kind, size_t bytes);

// Frees the allocation that begins at `pointer`, pinned or not as stated; false if there is none.
bool release(void* pointer, bool pinned);
void release_all();
size_t allocated_bytes();

// The live allocation that contains [pointer, pointer + bytes), or null. `pointer` may be its end
// if `bytes` is 0.
const Allocation* find_range(const void* pointer, size_t bytes);
// The allocation that `address` belongs to or borders on, a live one rather than a freed one. Safe
// in signal handlers.
const Allocation* find_near(const void* address);

// Reports a write outside an allocation but within its pages. Call it within a DeviceAccess.
void check_borders();

// Every use of the runtime's state holds this mutex.
std::recursive_mutex& runtime_mutex();

// While one lives, device memory is accessible to this process, as it is to kernels and copies.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};

// Changing the protection costs more than a small kernel does. While one of these lives, device
// memory that was opened stays open until close_device_memory().
class AccessHold {
 public:
  AccessHold();
  ~AccessHold();
  AccessHold(const AccessHold&) = delete;
  AccessHold& operator=(const AccessHold&) = delete;
};
void close_device_memory();

}  // namespace sy::hostcuda
