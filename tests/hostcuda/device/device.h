// SPDX-License-Identifier: Apache-2.0
// The names that device code uses, for compilation on the host: kernels/cuda/device.h includes
// this in place of nvcc's own. Device threads are fibers (block.h). Every function here that waits
// for other threads checks that a GPU would permit the wait.
#pragma once

#include <cuda_runtime_api.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

#define __launch_bounds__(...)
// A declared variable would belong to a single thread here.
#undef __shared__
#define __shared__ static_assert(false, "shared memory is what sy::shared_memory() returns");

namespace sy::hostcuda {

struct Place {
  uint3 thread, block;
  dim3 block_size, grid_size;
  unsigned lane;  // in its warp
};
extern Place place;  // of the thread that runs

using Site = std::source_location;

// The block's shared memory, filled with NaN when the block begins. The byte past its end faults.
char* shared_memory();

// __syncthreads. Reports threads that wait on different lines, and threads that wait after others
// have left the kernel.
void barrier(Site site);

// Waits until every lane of `mask` has reached the same line. Returns the words of the 32 lanes,
// valid until this thread's next exchange. Reports a lane of the mask that cannot arrive.
const uint64_t* exchange(unsigned mask, uint64_t word, const char* name, Site site);

// sync_warp is __syncwarp: the same wait, after which all lanes see what each of them wrote.
// show_writes is a memory fence: all threads see what this one wrote.
void sync_warp(unsigned mask, Site site);
void show_writes();

// Reports an address that an instruction cannot take: it needs a multiple of `bytes`.
[[noreturn]] void report_unaligned(const void* at, size_t bytes, const char* instruction,
                                   Site site);
inline void check_aligned(const void* at, size_t bytes, const char* instruction, Site site) {
  if (reinterpret_cast<uintptr_t>(at) % bytes != 0) report_unaligned(at, bytes, instruction, site);
}

// Reports a lane that reads from a lane outside its mask.
[[noreturn]] void report_source_lane(const char* name, unsigned source, unsigned mask, Site site);

template <class T>
T take_lane(unsigned mask, T value, unsigned source, const char* name, Site site) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8),
                "shuffles move words of 4 or 8 bytes");
  uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  const uint64_t* words = exchange(mask, word, name, site);
  if ((mask >> source & 1) == 0) report_source_lane(name, source, mask, site);
  std::memcpy(&value, &words[source], sizeof value);
  return value;
}

// The lanes of the mask for which the predicate holds, as a bit mask.
inline unsigned vote(unsigned mask, int predicate, const char* name, Site site) {
  const uint64_t* words = exchange(mask, predicate != 0, name, site);
  unsigned lanes = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (mask >> lane & 1) lanes |= static_cast<unsigned>(words[lane]) << lane;
  }
  return lanes;
}

}  // namespace sy::hostcuda

inline constexpr const uint3& threadIdx = sy::hostcuda::place.thread;
inline constexpr const uint3& blockIdx = sy::hostcuda::place.block;
inline constexpr const dim3& blockDim = sy::hostcuda::place.block_size;
inline constexpr const dim3& gridDim = sy::hostcuda::place.grid_size;

inline void __syncthreads(sy::hostcuda::Site site = sy::hostcuda::Site::current()) {
  sy::hostcuda::barrier(site);
}
inline void __syncwarp(unsigned mask = 0xffffffffu,
                       sy::hostcuda::Site site = sy::hostcuda::Site::current()) {
  sy::hostcuda::sync_warp(mask, site);
}
inline void __threadfence() {
  sy::hostcuda::show_writes();
}
inline void __threadfence_block() {
  sy::hostcuda::show_writes();
}

// Shuffles work within segments of `width` lanes, a power of two. A lane whose source lies outside
// its segment gets its own value, as on the device.
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              sy::hostcuda::Site site = sy::hostcuda::Site::current()) {
  const unsigned inside = static_cast<unsigned>(width) - 1, lane = sy::hostcuda::place.lane;
  return sy::hostcuda::take_lane(mask, value,
                                 (lane & ~inside) | (static_cast<unsigned>(source) & inside),
                                 "__shfl_sync", site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int flipped, int width = 32,
                  sy::hostcuda::Site site = sy::hostcuda::Site::current()) {
  const unsigned lane = sy::hostcuda::place.lane, last = lane | (static_cast<unsigned>(width) - 1);
  const unsigned source = lane ^ static_cast<unsigned>(flipped);
  return sy::hostcuda::take_lane(mask, value, source > last ? lane : source, "__shfl_xor_sync",
                                 site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   sy::hostcuda::Site site = sy::hostcuda::Site::current()) {
  const unsigned lane = sy::hostcuda::place.lane, last = lane | (static_cast<unsigned>(width) - 1);
  return sy::hostcuda::take_lane(mask, value, lane + delta > last ? lane : lane + delta,
                                 "__shfl_down_sync", site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 sy::hostcuda::Site site = sy::hostcuda::Site::current()) {
  const unsigned lane = sy::hostcuda::place.lane,
                 inside = lane & (static_cast<unsigned>(width) - 1);
  return sy::hostcuda::take_lane(mask, value, delta > inside ? lane : lane - delta,
                                 "__shfl_up_sync", site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              sy::hostcuda::Site site = sy::hostcuda::Site::current()) {
  return sy::hostcuda::vote(mask, predicate, "__ballot_sync", site);
}
inline int __any_sync(unsigned mask, int predicate,
                      sy::hostcuda::Site site = sy::hostcuda::Site::current()) {
  return sy::hostcuda::vote(mask, predicate, "__any_sync", site) != 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      sy::hostcuda::Site site = sy::hostcuda::Site::current()) {
  return sy::hostcuda::vote(mask, predicate, "__all_sync", site) == mask;
}

#include "tests/hostcuda/device/device_atomics.h"
#include "tests/hostcuda/device/device_math.h"
