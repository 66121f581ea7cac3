// SPDX-License-Identifier: Apache-2.0
// Elementwise kernels: each thread handles eight consecutive elements, moved 16 bytes at a time if
// the pointers allow it.
#pragma once

#include <initializer_list>

#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {

constexpr int kMapElements = 8;
constexpr int kMapThreads = 256;

// Copies N elements from memory aligned to 16 bytes; store_packs() is the reverse.
template <int N, class T>
__device__ void load_packs(T (&to)[N], const T* from) {
  static_assert(N % Pack<T>::kCount == 0);
#pragma unroll
  for (int i = 0; i < N; i += Pack<T>::kCount) {
    const auto pack = load_word<Pack<T>>(from + i);
#pragma unroll
    for (int j = 0; j < Pack<T>::kCount; ++j) to[i + j] = pack.value[j];
  }
}

template <int N, class T>
__device__ void store_packs(T* to, const T (&from)[N]) {
#pragma unroll
  for (int i = 0; i < N; i += Pack<T>::kCount) {
    Pack<T> pack;
#pragma unroll
    for (int j = 0; j < Pack<T>::kCount; ++j) pack.value[j] = from[i + j];
    store_word(to + i, pack);
  }
}

// For kernels that are instantiated for packs and, for widths that are not a multiple of a pack,
// for N = 1.
template <int N, class T>
__device__ void load(T (&to)[N], const T* from) {
  if constexpr (N == 1) {
    to[0] = from[0];
  } else {
    load_packs(to, from);
  }
}

template <int N, class T>
__device__ void store(T* to, const T (&from)[N]) {
  if constexpr (N == 1) {
    to[0] = from[0];
  } else {
    store_packs(to, from);
  }
}

// out[i] = body(a[i], b[i]) for i < count. `packed` means that all three are aligned to 16 bytes.
template <class Out, class In, class Body>
__global__ void map_kernel(Out* out, const In* a, const In* b, int64_t count, bool packed,
                           Body body) {
  const int64_t begin =
      (int64_t{blockIdx.x} * kMapThreads + static_cast<int64_t>(threadIdx.x)) * kMapElements;
  if (begin >= count) return;
  if (packed && begin + kMapElements <= count) {
    In x[kMapElements], y[kMapElements];
    Out z[kMapElements];
    load_packs(x, a + begin);
    load_packs(y, b + begin);
#pragma unroll
    for (int i = 0; i < kMapElements; ++i) z[i] = body(x[i], y[i]);
    store_packs(out + begin, z);
    return;
  }
  const int64_t end = begin + kMapElements < count ? begin + kMapElements : count;
  for (int64_t i = begin; i < end; ++i) out[i] = body(a[i], b[i]);
}

inline bool is_packed(std::initializer_list<const void*> pointers) {
  for (const void* pointer : pointers) {
    if (reinterpret_cast<uintptr_t>(pointer) % 16 != 0) return false;
  }
  return true;
}

// out[i] = body(a[i], b[i]) for i < count. body is a copyable device functor. An op with one
// argument passes it twice; the compiler removes the second load. out may be a or b.
template <class Out, class In, class Body>
void map(Exec& exec, const char* name, Out* out, const In* a, const In* b, int64_t count,
         Body body) {
  const int64_t blocks = ceil_div(count, int64_t{kMapThreads} * kMapElements);
  launch(cuda(exec).compute, name, {.grid = dim3(narrow<unsigned>(blocks)), .block = kMapThreads},
         map_kernel<Out, In, Body>, out, a, b, count, is_packed({out, a, b}), body);
}

}  // namespace sy
