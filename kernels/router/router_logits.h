// The router's product, of its input as it is stored: widened and jittered on the way.
//   logits = jitter(x) W,   jitter as in router_jitter.h
#pragma once

#include "lib/base/random.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// The arguments of router_jitter(): the same draws. epsilon 0 draws nothing.
struct RouterJitter {
  float epsilon = 0;
  RandomKey key;
  int64_t first_row = 0;
};

// logits [T, E] (overwritten) = jitter(x) weight. x [T, d] float32, float64 or bfloat16; weight [d,
// E] and logits of its compute_dtype(). A token's logits depend on its own row alone, to the bit,
// on CUDA where router_logits_fused(). CUDA wants x, d_x and weight aligned to 16 bytes then.
void router_logits_forward(Exec& exec, Tensor logits, Tensor x, Tensor weight,
                           const RouterJitter& jitter);

// d_x [T, d] (overwritten, of x's dtype, rounded once) = jitter(d_logits weight^T); d_weight [d, E]
// is accumulated: += jitter(x)^T d_logits, in an order that only T decides. d_x may not be x.
void router_logits_backward(Exec& exec, Tensor d_x, Tensor d_weight, Tensor d_logits, Tensor x,
                            Tensor weight, const RouterJitter& jitter);

// Whether CUDA has kernels of its own, which make no copy of x: for at most 16 experts (8 in
// float64), widths of whole packs of 8, and weights that a block's shared memory holds: those of 8
// or 16 experts, 256 columns at a time.
constexpr bool router_logits_fused(DType dtype, int64_t d, int64_t experts) {
  const int64_t most = dtype == DType::f64 ? 8 : 16, padded = experts <= 8 ? 8 : 16;
  const int64_t bytes = padded * static_cast<int64_t>(size_of(compute_dtype(dtype)));
  return experts <= most && d % 8 == 0 && (d + 255) / 256 * 256 * bytes <= 48 << 10;
}

// Called while planning too: takes its scratch, computes nothing. The CUDA form is called where
// router_logits_fused(), and router_logits_copy.h does the rest.
template <Backend, class T>
struct RouterLogitsImpl {
  static void forward(Exec& exec, Tensor logits, Tensor x, Tensor weight,
                      const RouterJitter& jitter);
  static void backward(Exec& exec, Tensor d_x, Tensor d_weight, Tensor d_logits, Tensor x,
                       Tensor weight, const RouterJitter& jitter);
};

}  // namespace sy
