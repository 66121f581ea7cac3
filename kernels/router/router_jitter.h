// SPDX-License-Identifier: Apache-2.0
// The noise on the router's input (Fedus et al. 2022, section 2.2, "exploration").
#pragma once

#include "lib/base/random.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// out [T, d] (overwritten) = x * u, with u uniform in [1 - epsilon, 1 + epsilon); element (t, c)
// draws word (first_row + t) * d + c of key. It is its own gradient: apply the same call to the
// gradient. With epsilon 0 it is cast() of elementwise.h. Both tensors are float32, where out may
// be x, or both float64; or one is bfloat16 and the other float32, so that the router's float32
// input is made from bfloat16 in one pass, and its gradient converted back in one. The product is
// float32 and rounded once.
void router_jitter(Exec& exec, Tensor out, Tensor x, float epsilon, const RandomKey& key,
                   int64_t first_row);

template <Backend, class Out, class In>
struct RouterJitterImpl {
  static void run(Exec& exec, Tensor out, Tensor x, float epsilon, const RandomKey& key,
                  int64_t first_row);
};

}  // namespace sy
