// What the fused kernels of router_logits.h share. An element costs as many instructions as bytes
// can wait for, on an H100 about 55 while its two bytes come in: a quarter of a Philox block, its
// factor, and E multiply-adds (twice that in backward) of two numbers that must lie in registers or
// come out of shared memory for several of them at once.
#pragma once

#include "kernels/cuda/jitter_factors.h"
#include "kernels/cuda/map.h"
#include "lib/tensor/bfloat16.h"

namespace sy {

// x [tokens, d] with d a multiple of 8, so that its Philox blocks begin where its rows do.
template <class T>
struct RouterProduct {
  const T* x;
  const Compute<T>* weight;  // [d, experts]
  RandomKey key;
  uint64_t first;  // Philox block of x[0]
  int64_t tokens;
  int d, experts;
  float epsilon;
};

// jitter's factors of N elements from element `at` of x, a multiple of kDraws.
template <int N, class T, class C>
__device__ void factors_of(C (&factor)[N], const RouterProduct<T>& of, int64_t at) {
  jitter_factors(factor, of.key, of.first + static_cast<uint64_t>(at / kDraws), of.epsilon);
}

}  // namespace sy
