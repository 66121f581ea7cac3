// The noise on the router's input (Fedus et al. 2022, section 2.2, "exploration").
#pragma once

#include "lib/base/random.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// out [T, d] (overwritten) = x * u, u uniform in [1 - epsilon, 1 + epsilon), element (t, c) drawing
// word (first_row + t) * d + c of key. Its own gradient: the same call on the gradient. epsilon 0
// is cast() of elementwise.h. Both float32, where out may be x, or both float64; or one of them
// bfloat16 beside float32, so that the router's float32 input is made of bfloat16 in one pass, and
// its gradient goes back in one: the product is float32 and rounded once.
void router_jitter(Exec& exec, Tensor out, Tensor x, float epsilon, const RandomKey& key,
                   int64_t first_row);

template <Backend, class Out, class In>
struct RouterJitterImpl {
  static void run(Exec& exec, Tensor out, Tensor x, float epsilon, const RandomKey& key,
                  int64_t first_row);
};

}  // namespace sy
