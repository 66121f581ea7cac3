// SPDX-License-Identifier: Apache-2.0
// Row copies by one warp per row, 16 bytes at a time if alignment allows it.
#pragma once

#include "kernels/cuda/map.h"

namespace sy {

// Calls body(to[c], x[c], y[c]) for the elements c of a row, by one warp, 16 bytes at a time if
// `packed`. `to` may be x or y.
template <class T, class Body>
__device__ void for_each_of_row(T* to, const T* x, const T* y, int64_t d, bool packed, Body body) {
  if (packed) {
    constexpr int kCount = Pack<T>::kCount;
#pragma unroll 4
    for (int64_t c = lane_id() * kCount; c < d; c += kWarp * kCount) {
      T a[kCount], b[kCount], out[kCount];
      load_packs(a, x + c);
      load_packs(b, y + c);
#pragma unroll
      for (int i = 0; i < kCount; ++i) body(out[i], a[i], b[i]);
      store_packs(to + c, out);
    }
  } else {
    for (int64_t c = lane_id(); c < d; c += kWarp) body(to[c], x[c], y[c]);
  }
}

template <class T>
__device__ void clear_row(T* to, int64_t d, bool packed) {
  if (packed) {
    constexpr int kCount = Pack<T>::kCount;
    const Pack<T> zeros{};
    for (int64_t c = lane_id() * kCount; c < d; c += kWarp * kCount) {
      store_word(to + c, zeros);
    }
  } else {
    for (int64_t c = lane_id(); c < d; c += kWarp) put(to[c], Compute<T>(0));
  }
}

// Whether rows of d elements start at multiples of 16 bytes.
template <class T>
inline bool rows_are_packed(int64_t d, std::initializer_list<const void*> pointers) {
  return d % Pack<T>::kCount == 0 && is_packed(pointers);
}

}  // namespace sy
