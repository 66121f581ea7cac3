// SPDX-License-Identifier: Apache-2.0
// The Switch router after its logits (Fedus et al. 2022, section 2; docs/math.md defines the
// semantics). It computes in float32 (float64 in gradient checks). Padding is neither routed nor
// counted, ties go to the lowest expert, and f is counted before dropping.
//   p = softmax(logits),  expert = argmax of the scores,  gate = p[expert]
// The scores are the logits, unless the caller has others (router_sample.h).
// If rounded, results are rounded to bfloat16 as Mesh TensorFlow's router rounds its own when all
// of it is bfloat16: p and logsumexp, and from them f, P and each product f_e P_e. The scores are
// then the rounded p, which are more often equal than the logits.
//   balance loss of a group = E * sum_e f_e P_e
//   z-loss of a group = mean over tokens of logsumexp^2
// Choices are [T, k]. This op routes top-1: k must be 1. router_top2.h adds second choices.
#pragma once

#include "lib/tensor/bfloat16.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Tokens form `groups` groups of T / groups consecutive tokens. Overwritten: probs [T, E], gate [T,
// k] (0 for tokens that are not valid), log_sum [T] (logsumexp of a token's logits), expert int32
// [T, k] (-1 for tokens that are not valid), fraction [groups, E] (f), mean_prob [groups, E] (P),
// losses [2] (balance and z, each summed over the groups; a group without valid tokens adds 0).
// logits [T, E]; valid int32 [T], 0 for padding; scores [T, E], or empty for the logits.
void router_forward(Exec& exec, Tensor probs, Tensor gate, Tensor log_sum, Tensor expert,
                    Tensor fraction, Tensor mean_prob, Tensor losses, Tensor logits, Tensor valid,
                    Tensor scores = {}, bool rounded = false);

// Adds to count [groups, E] the choices of each expert in its group that were kept; a dropped
// choice counts for expert 0, as in Hugging Face's SwitchTransformers. expert int32 [T, k] (-1
// counts for none), slot int32 [T, k] (-1: dropped). Any k.
void router_count_kept(Exec& exec, Tensor count, Tensor expert, Tensor slot);

// loss [1] (overwritten) = E * sum over groups and experts of fraction * mean_prob, both [groups,
// E].
void router_balance(Exec& exec, Tensor loss, Tensor fraction, Tensor mean_prob);

// d_logits [T, E] is overwritten with the gradient of
//   sum_t d_gate[t] gate[t] + balance_scale * sum_g balance_g + z_scale * sum_g z_g,
// where the balance loss has a gradient only through P. d_gate [T, k]; the other inputs are
// forward's results. If d_gate and expert are empty, the first sum is left out.
void router_backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor log_sum,
                     Tensor expert, Tensor fraction, Tensor valid, double balance_scale,
                     double z_scale);

// value, or the nearest bfloat16.
template <class T>
SY_HOST_DEVICE T rounded_if(bool rounds, T value) {
  return rounds ? static_cast<T>(static_cast<float>(BFloat16(static_cast<float>(value)))) : value;
}

// On CUDA, chunks of kRouterTokens tokens of a group are summed first, then groups. The scratch is
// empty on the CPU.
constexpr int64_t kRouterTokens = 32;
constexpr int64_t kRouterExperts = 32;  // experts whose group statistics one block computes

struct RouterScratch {
  // [groups * chunks, 2, E] of T: sums of probabilities, and tokens per chosen expert.
  Tensor chunk_probs;
  Tensor chunk_z;  // float64 [groups * chunks, 2]: sum of logsumexp^2, and valid tokens
  Tensor parts;    // float64 [2, groups * ceil(E / kRouterExperts)]: parts of both losses
};

// The scratch of balance, float64 [parts], and of backward, float64 [groups], is also for CUDA
// only.
template <Backend, class T>
struct RouterImpl {
  static void forward(Exec& exec, Tensor probs, Tensor gate, Tensor log_sum, Tensor expert,
                      Tensor fraction, Tensor mean_prob, Tensor losses, Tensor logits, Tensor valid,
                      Tensor scores, bool rounded, const RouterScratch& scratch);
  static void count_kept(Exec& exec, Tensor count, Tensor expert, Tensor slot);
  static void balance(Exec& exec, Tensor loss, Tensor fraction, Tensor mean_prob, Tensor parts);
  static void backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor log_sum,
                       Tensor expert, Tensor fraction, Tensor valid, double balance_scale,
                       double z_scale, Tensor share);
};

}  // namespace sy
