// SPDX-License-Identifier: Apache-2.0
// Expert choice (Zhou et al. 2022, 2202.09368, section 3.2): the experts choose tokens. In each
// group every expert takes the C valid tokens of its largest probabilities, of equal ones the first
//   C = CapacityRule of the group's valid tokens
//   gate[t, e] = p[t, e] if e took t, else 0
// So every expert has the same number of tokens, and a token as many experts as took it, or none.
// The softmax is router.h's. Slots are those of dispatch.h, [E, groups, capacity], which this op
// fills itself: an expert's tokens lie in their order.
#pragma once

#include <cstring>
#include <type_traits>

#include "lib/base/host_device.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// The places of an expert in a group of `tokens`: int(tokens * factor / experts), at least `least`,
// and no more than there are tokens.
struct CapacityRule {
  double factor = 0;  // 0: `least` places
  int64_t experts = 1;
  int64_t least = 0;

  SY_HOST_DEVICE int64_t of(int64_t tokens) const {
    const double share = static_cast<double>(tokens) * factor / static_cast<double>(experts);
    const auto places = static_cast<int64_t>(share);
    const int64_t wanted = places > least ? places : least;
    return wanted < tokens ? wanted : tokens;
  }
};

// Overwrites gate [T, E], slot int32 [T, E] (an index into the flattened slots; -1: not taken),
// token int32 [E * groups * capacity] (the token in each slot; -1: empty) and counts int32 [E + 1]
// (tokens of each expert; last: valid tokens that no expert took). probs [T, E], not negative;
// valid int32 [T], 0 for padding, which is not taken. capacity is rule.of(T / groups), T a multiple
// of groups. Float32 or float64.
void router_expert_choice_forward(Exec& exec, Tensor gate, Tensor slot, Tensor token, Tensor counts,
                                  Tensor probs, Tensor valid, int64_t groups,
                                  const CapacityRule& rule);

// Adds to d_logits [T, E] the gradient of sum d_gate gate through the softmax:
//   d_logits[t, e] += p_e (d_gate_e - sum_j p_j d_gate_j)
// d_gate [T, E], 0 where an expert did not take the token.
void router_expert_choice_backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs);

// A probability as an integer: the larger the probability, the larger the key. All numbers have
// one, NaN too, so that both backends choose the same tokens and as many of them. 0 is no key.
template <class T>
using ChoiceKey = std::conditional_t<sizeof(T) == sizeof(uint32_t), uint32_t, uint64_t>;
template <class T>
SY_HOST_DEVICE inline ChoiceKey<T> choice_key(T p) {
  ChoiceKey<T> bits;
  std::memcpy(&bits, &p, sizeof(p));
  constexpr int kSign = 8 * sizeof(T) - 1;
  return (bits & ~(ChoiceKey<T>{1} << kSign)) + 1;
}

constexpr int64_t kChoiceTokens = 32;          // tokens that a block looks for in slots
constexpr int64_t kChoiceKeyBytes = 40 << 10;  // keys of a group that a block keeps to itself

struct ExpertChoiceScratch {
  Tensor order;   // CPU: int32 [threads, T / groups]
  Tensor keys;    // CUDA, if a group's keys have more than kChoiceKeyBytes: [groups, E, T / groups]
  Tensor taken;   // CUDA: int32 [groups], tokens that each expert took
  Tensor missed;  // CUDA: int32 [ceil(T / kChoiceTokens)], valid tokens that none took
};

template <Backend, class T>
struct RouterExpertChoiceImpl {
  static void forward(Exec& exec, Tensor gate, Tensor slot, Tensor token, Tensor counts,
                      Tensor probs, Tensor valid, int64_t groups, const CapacityRule& rule,
                      const ExpertChoiceScratch& scratch);
  static void backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs);
};

}  // namespace sy
