// SPDX-License-Identifier: Apache-2.0
// Elementwise kernels with dropout: like map.h, but with any number of operands and each element's
// dropout factor.
#pragma once

#include <limits>

#include "kernels/dropout/mask_cuda.h"

namespace sy {

// The inputs and outputs, all of one shape; an output may be an input.
template <class T, int kIn, int kOut>
struct Operands {
  const T* in[kIn];
  T* out[kOut];
};

// Calls body(out, in, factor) for every element, in Compute<T>. `packed` means that the number of
// columns is a multiple of kMapElements and all pointers are aligned to 16 bytes. Traffic: moves
// each operand once (the minimum). Draws a Philox block (about 60 operations) per four elements.
template <class T, int kIn, int kOut, class Body>
__global__ void __launch_bounds__(kMapThreads)
    dropped_map_kernel(Operands<T, kIn, kOut> operands, DropoutMask<Compute<T>> mask, int64_t count,
                       bool packed, Body body) {
  using C = Compute<T>;
  const int64_t begin =
      (int64_t{blockIdx.x} * kMapThreads + static_cast<int64_t>(threadIdx.x)) * kMapElements;
  if (begin >= count) return;
  C x[kIn], y[kOut];
  if (packed) {
    T in[kIn][kMapElements], out[kOut][kMapElements];
    C factor[kMapElements];
#pragma unroll
    for (int a = 0; a < kIn; ++a) load_packs(in[a], operands.in[a] + begin);
    mask.factors(factor, begin);
#pragma unroll
    for (int i = 0; i < kMapElements; ++i) {
#pragma unroll
      for (int a = 0; a < kIn; ++a) x[a] = in[a][i];
      body(y, x, factor[i]);
#pragma unroll
      for (int a = 0; a < kOut; ++a) put(out[a][i], y[a]);
    }
#pragma unroll
    for (int a = 0; a < kOut; ++a) store_packs(operands.out[a] + begin, out[a]);
    return;
  }
  DropoutWalk<C> walk(mask);
  const int64_t end = begin + kMapElements < count ? begin + kMapElements : count;
  for (int64_t i = begin; i < end; ++i) {
#pragma unroll
    for (int a = 0; a < kIn; ++a) x[a] = operands.in[a][i];
    body(y, x, walk.factor(i));
#pragma unroll
    for (int a = 0; a < kOut; ++a) put(operands.out[a][i], y[a]);
  }
}

// Runs over the elements of a tensor shaped like `like`. body is a copyable device functor, void(C
// (&out)[kOut], const C (&in)[kIn], C factor).
template <class T, int kIn, int kOut, class Body>
void dropped_map(Exec& exec, const char* name, const Operands<T, kIn, kOut>& operands, Tensor like,
                 const Dropout& dropout, Body body) {
  const int64_t count = like.numel(), cols = like.cols();
  // Threads find their row by a 32-bit division.
  bool packed = cols % kMapElements == 0 && dropout.first_col % kMapElements == 0 &&
                dropout.row_words(cols) % kMapElements == 0 &&
                count / kMapElements <= int64_t{std::numeric_limits<unsigned>::max()};
  for (const T* pointer : operands.in) packed = packed && is_packed({pointer});
  for (const T* pointer : operands.out) packed = packed && is_packed({pointer});
  const int64_t blocks = ceil_div(count, int64_t{kMapThreads} * kMapElements);
  launch(cuda(exec).compute, name, {.grid = dim3(narrow<unsigned>(blocks)), .block = kMapThreads},
         dropped_map_kernel<T, kIn, kOut, Body>, operands, mask_of<Compute<T>>(dropout, cols),
         count, packed, body);
}

}  // namespace sy
