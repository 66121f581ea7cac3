// SPDX-License-Identifier: Apache-2.0
// The load-balancing loss of second choices (Mesh TensorFlow's `use_second_place_loss`): with i1
// and i2 a token's first and second choice, and m the valid tokens of a group,
//   q_e = p_e / (sum over e' != i1 of p_e' + 1e-9) for e != i1, 0 for i1
//   f2_e = |{t : i2(t) = e}| / m,   P2_e = mean of q_e over valid tokens
//   loss of a group = E * sum_e f2_e P2_e
// i2 counts whether it is kept or not.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Overwrites loss [1], the sum over groups (a group without valid tokens adds 0), and fraction
// [groups, E] (f2). probs [T, E]; valid int32 [T], 0 for padding; expert int32 [T, 2], i1 first;
// second int32 [T], i2, -1 for padding. Float32 or float64.
void router_second_place_forward(Exec& exec, Tensor loss, Tensor fraction, Tensor probs,
                                 Tensor valid, Tensor expert, Tensor second);

// Adds to d_logits [T, E] the gradient of scale * loss, through P2 alone. The others are forward's.
void router_second_place_backward(Exec& exec, Tensor d_logits, Tensor fraction, Tensor probs,
                                  Tensor valid, Tensor expert, Tensor second, double scale);

constexpr double kSecondPlaceEpsilon = 1e-9;

template <Backend, class T>
struct RouterSecondPlaceImpl {
  // Scratch, on CUDA only, float64: share [groups], 1 / m; parts [ceil(T / kRouterTokens)].
  static void forward(Exec& exec, Tensor loss, Tensor fraction, Tensor probs, Tensor valid,
                      Tensor expert, Tensor second, Tensor share, Tensor parts);
  static void backward(Exec& exec, Tensor d_logits, Tensor fraction, Tensor probs, Tensor valid,
                       Tensor expert, Tensor second, double scale, Tensor share);
};

}  // namespace sy
