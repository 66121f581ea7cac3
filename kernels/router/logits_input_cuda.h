// What the fused kernels of router_logits.h share. While an element's two bytes come in an H100 can
// issue 20 instructions for it, and nvcc's code takes about 24 + E of them forward and 26 + 2E
// backward, where as many bytes also leave: a quarter of a Philox block, its factor, multiply-adds.
// So instructions bind, by little at 8 experts; but a float32 copy moves 10 bytes an element
// forward and 20 backward, time for 100 and 200. What ends it at 16 experts is registers.
#pragma once

#include "kernels/cuda/map.h"
#include "kernels/router/jitter_factors_cuda.h"
#include "lib/tensor/bfloat16.h"

namespace sy {

// x [tokens, d] with d a multiple of 8, so that its Philox blocks begin where its rows do.
template <class T>
struct RouterInput {
  const T* x;
  const Compute<T>* weight;  // [d, experts]
  PhiloxStream stream;
  uint64_t first;  // Philox block of x[0]
  int64_t tokens;
  int d, experts;
  float epsilon;
};

// jitter's factors of kDraws elements from element `at` of x on, a multiple of kDraws.
template <class T, class C>
__device__ void factors_of(C (&factor)[kDraws], const RouterInput<T>& of, int64_t at) {
  const uint64_t block = of.first + static_cast<uint64_t>(at) / kDraws;
  jitter_factors(factor, philox(of.stream, block), of.epsilon);
}

}  // namespace sy
