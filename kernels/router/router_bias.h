// SPDX-License-Identifier: Apache-2.0
// Balancing without an auxiliary loss (Wang et al. 2024, 2408.15664, Algorithm 1): each expert has
// a bias b_e that is added to its probability where experts are chosen, and nowhere else. After a
// step it rises if the expert had less than the mean load, and falls if it had more. No gradient
// flows through it. Here the mean of the changes is taken off, which alters no choice and keeps the
// sum of the biases 0.
#pragma once

#include "lib/base/host_device.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// scores [T, E] (overwritten) = softmax(logits) + bias. logits [T, E]; bias [E] of their dtype.
// Float32 or float64.
void router_bias_scores(Exec& exec, Tensor scores, Tensor logits, Tensor bias);

// bias[e] += rate * (s_e - mean of s),  s_e = sign(mean load - load of e), unless apply[0] is 0.
// bias [E], float32 or float64; counts int32 [at least E], the loads of the global batch; apply
// float64 [1], in the exec's memory.
void router_bias_update(Exec& exec, Tensor bias, Tensor counts, Tensor apply, double rate);

// s_e, exactly, from E times the load and the sum of the loads.
SY_HOST_DEVICE inline int load_sign(int32_t load, int64_t total, int64_t experts) {
  const int64_t scaled = experts * load;
  return scaled < total ? 1 : scaled > total ? -1 : 0;
}

// The change of a bias; `signs` is the sum of s over the experts.
SY_HOST_DEVICE inline double bias_change(int sign, int64_t signs, int64_t experts, double rate) {
  return rate * static_cast<double>(experts * sign - signs) / static_cast<double>(experts);
}

template <Backend, class T>
struct RouterBiasImpl {
  static void scores(Exec& exec, Tensor scores, Tensor logits, Tensor bias);
  static void update(Exec& exec, Tensor bias, Tensor counts, Tensor apply, double rate);
};

}  // namespace sy
