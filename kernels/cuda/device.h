// SPDX-License-Identifier: Apache-2.0
// The device API that kernels are written in, besides the language itself; it is the same under
// nvcc and when the sources are compiled for the host. Kernels use only this: thread and block
// indices, full-warp shuffles and votes, __syncthreads, shared_memory(), atomicAdd, and the
// functions below.
#pragma once

#include <cstdint>

#ifdef SY_HOSTCUDA
#include "tests/hostcuda/device/device.h"
#else
#include <cuda_runtime.h>
#endif

namespace sy {

constexpr int kWarp = 32;
constexpr unsigned kFullWarp = 0xffffffffu;

// The block's shared memory, of the size that the launch requested, aligned to 16 bytes. Its
// contents are undefined when the block begins.
__device__ inline char* shared_memory() {
#ifdef SY_HOSTCUDA
  return hostcuda::shared_memory();
#else
  extern __shared__ __align__(16) char sy_shared_memory[];
  return sy_shared_memory;
#endif
}

__device__ inline int lane_id() {
  return static_cast<int>(threadIdx.x) % kWarp;
}
__device__ inline int warp_id() {
  return static_cast<int>(threadIdx.x) / kWarp;
}

// Sixteen bytes, the widest single memory access.
template <class T>
struct alignas(16) Pack {
  static constexpr int kCount = static_cast<int>(16 / sizeof(T));
  T value[kCount];
};

// Words of adjacent values, such as a Pack, moved in one access. The pointers are aligned to it.
template <class Word, class T>
__device__ Word load_word(const T* from) {
#ifdef SY_HOSTCUDA
  hostcuda::check_aligned(from, alignof(Word), "a load", hostcuda::Site::current());
#endif
  return *reinterpret_cast<const Word*>(from);
}
template <class Word, class T>
__device__ void store_word(T* to, const Word& word) {
#ifdef SY_HOSTCUDA
  hostcuda::check_aligned(to, alignof(Word), "a store", hostcuda::Site::current());
#endif
  *reinterpret_cast<Word*>(to) = word;
}

}  // namespace sy
