// SPDX-License-Identifier: Apache-2.0
// No-Token-Left-Behind (Fedus et al. 2022, appendix B), as Mesh TensorFlow's `_ntlb_gating` has it:
// a token whose expert is full goes to the next of its k best experts. The softmax and the first
// choice are router.h's.
//   i_1(t), i_2(t), ..., i_k(t) = the experts by falling score; of equal ones, the first
//   for j = 1..k: the tokens that have no place yet, in order of position, each take one of
//     i_j(t), if it has fewer than C of the group
//   expert = the i_j that took the token, gate = p of it
// A token that none of them took keeps i_1. That expert has C tokens before it, so dispatch drops
// it: the places that dispatch gives are those of this op.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Overwrites gate [T, 1], expert int32 [T, 1] (-1 and gate 0 for tokens that are not valid) and
// fraction [groups, E], the share of the k T' choices of a group's T' valid tokens that an expert
// is, whether they led to it or not. probs and scores [T, E]; valid int32 [T]; 1 <= k <= E;
// capacity C. Float32 or float64.
void router_ntlb(Exec& exec, Tensor gate, Tensor expert, Tensor fraction, Tensor probs,
                 Tensor scores, Tensor valid, int64_t k, int64_t capacity);

template <Backend, class T>
struct RouterNtlbImpl {
  // Scratch: order int32 [T, k], each token's experts; taken int32 [groups, E].
  static void run(Exec& exec, Tensor gate, Tensor expert, Tensor fraction, Tensor probs,
                  Tensor scores, Tensor valid, Tensor order, Tensor taken, int64_t capacity);
};

}  // namespace sy
