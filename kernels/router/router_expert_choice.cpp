// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_expert_choice.h"

#include <limits>

#include "kernels/dispatch_dtype.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

ExpertChoiceScratch take_scratch(const Exec& exec, ScratchScope& scratch, Tensor probs,
                                 int64_t groups) {
  const int64_t tokens = probs.dim(0), experts = probs.dim(1), size = tokens / groups;
  const char* label = "router choice of tokens";
  ExpertChoiceScratch taken;
  if (exec.backend == Backend::cpu) {
    taken.order = scratch.take(DType::i32, {exec.threads, size}, label);
    return taken;
  }
  if (size * static_cast<int64_t>(size_of(probs.dtype())) > kChoiceKeyBytes) {
    taken.keys = scratch.take(probs.dtype(), {groups, experts, size}, label);
  }
  taken.taken = scratch.take(DType::i32, {groups}, label);
  taken.missed = scratch.take(DType::i32, {ceil_div(tokens, kChoiceTokens)}, label);
  return taken;
}

}  // namespace

void router_expert_choice_forward(Exec& exec, Tensor gate, Tensor slot, Tensor token, Tensor counts,
                                  Tensor probs, Tensor valid, int64_t groups,
                                  const CapacityRule& rule) {
  SY_CHECK(probs.rank() == 2 && groups > 0 && probs.dim(0) % groups == 0 &&
               gate.shape() == probs.shape() && slot.shape() == probs.shape() &&
               gate.dtype() == probs.dtype() && counts.numel() == probs.dim(1) + 1 &&
               valid.numel() == probs.dim(0),
           "router_expert_choice: probs {}, gate {}, slot {}, {} counts, {} valid, {} groups",
           probs.shape().str(), gate.shape().str(), slot.shape().str(), counts.numel(),
           valid.numel(), groups);
  const int64_t slots = probs.dim(1) * groups * rule.of(probs.dim(0) / groups);
  SY_CHECK(token.numel() == slots && slots <= std::numeric_limits<int32_t>::max(),
           "router_expert_choice: {} tokens for {} slots", token.numel(), slots);
  ScratchScope scratch(exec);
  const ExpertChoiceScratch room = take_scratch(exec, scratch, probs, groups);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, probs.dtype(), "router_expert_choice", [&]<Backend B, class T>() {
    RouterExpertChoiceImpl<B, T>::forward(exec, gate, slot, token, counts, probs, valid, groups,
                                          rule, room);
  });
}

void router_expert_choice_backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs) {
  SY_CHECK(d_logits.shape() == probs.shape() && d_gate.shape() == probs.shape() &&
               d_logits.dtype() == probs.dtype() && d_gate.dtype() == probs.dtype(),
           "router_expert_choice: d_logits {}, d_gate {}, probs {}", d_logits.shape().str(),
           d_gate.shape().str(), probs.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, probs.dtype(), "router_expert_choice", [&]<Backend B, class T>() {
    RouterExpertChoiceImpl<B, T>::backward(exec, d_logits, d_gate, probs);
  });
}

}  // namespace sy
