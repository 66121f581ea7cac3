// SPDX-License-Identifier: Apache-2.0
// The second expert of a token (Shazeer et al. 2017; GShard, Lepikhin et al. 2021, Algorithm 1), as
// Mesh TensorFlow's `_top_2_gating` has it. The first choice and all statistics are router.h's.
//   i1 = argmax p,  i2 = argmax of the others;  the first of equal ones
//   g1, g2 = p1 / (p1 + p2 + 1e-9), p2 / (p1 + p2 + 1e-9), or p1, p2 if not normalised
//   the second choice is kept: always, never, if g2 > threshold, or with probability
//   min(1, g2 / threshold)
// A choice that is not kept has gate 0; the other gate is not scaled again. The caller may have
// both chosen by other scores than p, as router.h's first choice; gates are still those of p.
#pragma once

#include "lib/base/random.h"
#include "lib/config/run_config.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

struct Top2Rule {
  bool normalise = true;
  SecondPolicy policy = SecondPolicy::all;
  float threshold = 0.2f;
  // random: token t draws word first_row + t, the same on every mesh.
  RandomKey key;
  int64_t first_row = 0;
};

// Overwrites gate [T, 2], expert int32 [T, 2] (-1 where a choice is not kept) and second int32 [T],
// i2 whether it is kept or not. first int32 [T, 1] is i1, -1 for tokens that are not routed, which
// have no choices and gates 0. probs [T, E], E at least 2; float32 or float64. scores [T, E] of
// that dtype, or empty for probs.
void router_top2_forward(Exec& exec, Tensor gate, Tensor expert, Tensor second, Tensor probs,
                         Tensor first, const Top2Rule& rule, Tensor scores = {});

// Adds to d_logits [T, E] the gradient of sum d_gate gate through the softmax. d_gate [T, 2]; the
// others are forward's. A choice that was not kept has no gradient of its own, but the probability
// of the second expert has one through the first gate if gates are normalised.
void router_top2_backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor expert,
                          Tensor second, bool normalise);

constexpr double kTop2Epsilon = 1e-9;

// The gradients of p1 and p2 from those of the gates.
template <class T>
struct TopProbs {
  T first, second;
};
template <class T>
SY_HOST_DEVICE inline TopProbs<T> top2_gates(T p1, T p2, bool normalise) {
  if (!normalise) return {p1, p2};
  const T sum = p1 + p2 + static_cast<T>(kTop2Epsilon);
  return {p1 / sum, p2 / sum};
}
//   d g1 / d p1 = (1 - g1) / D,  d g1 / d p2 = -g1 / D,  and likewise for g2,  D = p1 + p2 + 1e-9
template <class T>
SY_HOST_DEVICE inline TopProbs<T> top2_gates_backward(T p1, T p2, T d_g1, T d_g2, bool normalise) {
  if (!normalise) return {d_g1, d_g2};
  const T sum = p1 + p2 + static_cast<T>(kTop2Epsilon);
  const T shared = (d_g1 * p1 + d_g2 * p2) / sum;
  return {(d_g1 - shared) / sum, (d_g2 - shared) / sum};
}

// Whether token t keeps its second expert, whose gate is g2.
SY_HOST_DEVICE inline bool keeps_second(const Top2Rule& rule, float g2, int64_t t) {
  switch (rule.policy) {
    case SecondPolicy::all:
      return true;
    case SecondPolicy::none:
      return false;
    case SecondPolicy::threshold:
      return g2 > rule.threshold;
    case SecondPolicy::random:
      break;
  }
  const auto row = static_cast<uint64_t>(rule.first_row + t);
  return random_uniform(rule.key, row) < g2 / rule.threshold;
}

template <Backend, class T>
struct RouterTop2Impl {
  static void forward(Exec& exec, Tensor gate, Tensor expert, Tensor second, Tensor probs,
                      Tensor first, const Top2Rule& rule, Tensor scores);
  static void backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor expert,
                       Tensor second, bool normalise);
};

}  // namespace sy
