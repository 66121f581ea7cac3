// SPDX-License-Identifier: Apache-2.0
// The importance of experts and how much it varies (Shazeer et al. 2017, 1701.06538, section 4 and
// appendix A):
//   Importance_e = the sum of the gates of expert e over the tokens of a group
//   CV(x)^2 = variance / mean^2 of x over experts = E sum x^2 / (sum x)^2 - 1
// The second is also that of loads (router_load.h).
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// sums [groups, E] (overwritten): the gates of each expert. gate [T, k]; expert int32 [T, k], -1
// for none. Float32 or float64, as all of these.
void router_gate_sums(Exec& exec, Tensor sums, Tensor gate, Tensor expert);

// Adds scale * d_sums[group, expert[t, j]] to d_gate [T, k], where there is an expert.
void router_gate_sums_backward(Exec& exec, Tensor d_gate, Tensor d_sums, Tensor expert,
                               double scale);

// Overwrites loss [1] with the sum over groups of CV(sums)^2, and d_sums [groups, E] with its
// gradient. sums [groups, E], not negative; a group whose sums are all 0 adds 0.
void router_variation(Exec& exec, Tensor loss, Tensor d_sums, Tensor sums);

template <Backend, class T>
struct RouterImportanceImpl {
  static void sums(Exec& exec, Tensor sums, Tensor gate, Tensor expert);
  static void sums_backward(Exec& exec, Tensor d_gate, Tensor d_sums, Tensor expert, double scale);
  // Scratch, on CUDA only: float64 parts [groups].
  static void variation(Exec& exec, Tensor loss, Tensor d_sums, Tensor sums, Tensor parts);
};

}  // namespace sy
