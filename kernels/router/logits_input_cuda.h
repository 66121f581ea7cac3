// SPDX-License-Identifier: Apache-2.0
// The operands shared by the fused kernels of router_logits.h.
//
// Why fused: in the time that the two bytes of an element take to arrive, an H100 can issue 20
// instructions, and nvcc's code needs about 24 + E of them forward and 26 + 2E backward, where as
// many bytes are also written: a quarter of a Philox block, the factor, and multiply-adds.
// Instructions are thus the bottleneck, by a small margin at 8 experts. A float32 copy, however,
// moves 10 bytes per element forward and 20 backward, the time of 100 and 200 instructions. Beyond
// 16 experts, registers are the limit.
#pragma once

#include "kernels/cuda/map.h"
#include "kernels/router/jitter_factors_cuda.h"
#include "lib/tensor/bfloat16.h"

namespace sy {

// x is [tokens, d] with d a multiple of 8, so that rows start at Philox block boundaries.
template <class T>
struct RouterInput {
  const T* x;
  const Compute<T>* weight;  // [d, experts]
  PhiloxStream stream;
  uint64_t first;  // Philox block of x's first element
  int64_t tokens;
  int d, experts;
  float epsilon;
};

// The jitter factors of kDraws elements of x from offset `at`, a multiple of kDraws.
template <class T, class C>
__device__ void factors_of(C (&factor)[kDraws], const RouterInput<T>& of, int64_t at) {
  const uint64_t block = of.first + static_cast<uint64_t>(at) / kDraws;
  jitter_factors(factor, philox(of.stream, block), of.epsilon);
}

}  // namespace sy
