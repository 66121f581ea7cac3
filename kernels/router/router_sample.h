// SPDX-License-Identifier: Apache-2.0
// Exploration by sampling (Fedus et al. 2022, Appendix C): the largest of these scores is an expert
// drawn from softmax(logits / temperature) (the Gumbel-max trick).
#pragma once

#include "lib/base/random.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// scores [T, E] (overwritten; may be logits) = logits / temperature - log(-log u). Element (t, e)
// draws u, uniform in (0, 1) with 23 bits, from word (first_row + t) * E + e of key. Float32, or
// float64 with the same u.
void router_sample(Exec& exec, Tensor scores, Tensor logits, float temperature,
                   const RandomKey& key, int64_t first_row);

// 1 / 2^24 to 1 - 1 / 2^24: neither logarithm is infinite in float32.
SY_HOST_DEVICE inline float open_uniform(uint32_t word) {
  return (static_cast<float>(word >> 9) + 0.5f) * (1.0f / 8388608.0f);
}

template <Backend, class T>
struct RouterSampleImpl {
  static void run(Exec& exec, Tensor scores, Tensor logits, float temperature, const RandomKey& key,
                  int64_t first_row);
};

}  // namespace sy
