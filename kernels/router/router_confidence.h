// SPDX-License-Identifier: Apache-2.0
// How sure the router is of each token, for the metrics of a step.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Overwrites routed [T] with 1, entropy [T] with -sum_e p_e log p_e in nats, where 0 log 0 = 0, and
// largest [T] with the largest p_e; all are 0 for a token whose first choice is -1 (padding). probs
// [T, E], float32 or float64 as the results; expert int32 [T, k].
void router_confidence(Exec& exec, Tensor routed, Tensor entropy, Tensor largest, Tensor probs,
                       Tensor expert);

template <Backend, class T>
struct RouterConfidenceImpl {
  static void run(Exec& exec, Tensor routed, Tensor entropy, Tensor largest, Tensor probs,
                  Tensor expert);
};

}  // namespace sy
