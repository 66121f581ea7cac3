// SPDX-License-Identifier: Apache-2.0
// The router's logits from its input as stored: the input is widened and jittered as it is read.
//   logits = jitter(x) W,   jitter as in router_jitter.h
#pragma once

#include "lib/base/random.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// The arguments of router_jitter(), with the same draws. epsilon 0 draws nothing.
struct RouterJitter {
  float epsilon = 0;
  RandomKey key;
  int64_t first_row = 0;
};

// logits [T, E] (overwritten) = jitter(x) weight. x [T, d] is float32, float64 or bfloat16; weight
// [d, E] and logits have its compute_dtype(). On CUDA, if router_logits_fused(), a token's logits
// depend bit for bit on its own row alone, and x, d_x and weight must be aligned to 16 bytes.
void router_logits_forward(Exec& exec, Tensor logits, Tensor x, Tensor weight,
                           const RouterJitter& jitter);

// d_x [T, d] (overwritten, of x's dtype, rounded once) = jitter(d_logits weight^T). d_weight [d, E]
// is accumulated: += jitter(x)^T d_logits, in an order that depends only on T. d_x must not be x.
void router_logits_backward(Exec& exec, Tensor d_x, Tensor d_weight, Tensor d_logits, Tensor x,
                            Tensor weight, const RouterJitter& jitter);

// Whether CUDA uses its own kernels, which make no copy of x. They take at most 16 experts (8 in
// float64), a width d that is a multiple of 8, and weights that fit a block's shared memory when
// padded to 8 or 16 experts and to a multiple of 256 columns.
constexpr bool router_logits_fused(DType dtype, int64_t d, int64_t experts) {
  const int64_t max_experts = dtype == DType::f64 ? 8 : 16, padded = experts <= 8 ? 8 : 16;
  const int64_t bytes = padded * static_cast<int64_t>(size_of(compute_dtype(dtype)));
  return experts <= max_experts && d % 8 == 0 && (d + 255) / 256 * 256 * bytes <= 48 << 10;
}

// Also called while planning; then it takes its scratch and computes nothing. The CUDA
// implementation is called only if router_logits_fused(); logits_by_gemm.h covers the other cases.
template <Backend, class T>
struct RouterLogitsImpl {
  static void forward(Exec& exec, Tensor logits, Tensor x, Tensor weight,
                      const RouterJitter& jitter);
  static void backward(Exec& exec, Tensor d_x, Tensor d_weight, Tensor d_logits, Tensor x,
                       Tensor weight, const RouterJitter& jitter);
};

}  // namespace sy
