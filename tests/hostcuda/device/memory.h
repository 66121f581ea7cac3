// Memory as the CUDA runtime gives it, each allocation alone between pages that fault: 16-byte
// aligned, its end at the page behind it, filled with 0xff (NaN) so that nothing reads as zero by
// chance. Memory of `device` is readable only while a DeviceAccess lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace sy::hostcuda {

enum class Kind : uint8_t { device, managed, pinned };

struct Allocation {
  char* mapping;  // with a page that faults at each end
  size_t mapped_bytes;
  char* begin;
  size_t bytes;
  Kind kind;
  bool live;  // freed memory faults for a while, so that its use is reported
};

constexpr size_t kTotalBytes = size_t{16} << 30;
constexpr size_t kMemoryAlignment = 16;

// Null when kTotalBytes do not suffice, or the host has no more.
void* allocate(Kind kind, size_t bytes);

// Frees what begins at `pointer`; false when nothing of `pinned` or of the other kinds does.
bool release(void* pointer, bool pinned);
void release_all();
size_t allocated_bytes();

// The live allocation that holds [pointer, pointer + bytes), its end included; null if there is
// none.
const Allocation* find_range(const void* pointer, size_t bytes);
// What `address` belongs to or borders on, live before freed. Usable in signal handlers.
const Allocation* find_near(const void* address);

// Reports a write to the bytes beside an allocation that share its pages. Within a DeviceAccess.
void check_borders();

// Every use of the runtime's state holds this.
std::recursive_mutex& runtime_mutex();

// Device memory is accessible to this process while one lives, as it is to kernels and copies.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};

// Changing the protection costs more than a small kernel: while one lives, device memory that was
// opened stays so until close_device_memory().
class AccessHold {
 public:
  AccessHold();
  ~AccessHold();
  AccessHold(const AccessHold&) = delete;
  AccessHold& operator=(const AccessHold&) = delete;
};
void close_device_memory();

}  // namespace sy::hostcuda
