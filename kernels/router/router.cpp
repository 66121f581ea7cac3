// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router.h"

#include <algorithm>

#include "kernels/dispatch_dtype.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

constexpr int64_t kMaxParts = 256;       // partial sums of the balance loss
constexpr int64_t kPartElements = 4096;  // minimum elements per part, except for the last

RouterScratch take_sums(const Exec& exec, ScratchScope& scratch, DType dtype, int64_t groups,
                        int64_t size, int64_t experts) {
  if (exec.backend == Backend::cpu) return {};
  const int64_t chunks = groups * ceil_div(size, kRouterTokens);
  const int64_t slices = groups * ceil_div(experts, kRouterExperts);
  return {scratch.take(dtype, {chunks, 2, experts}, "router sums"),
          scratch.take(DType::f64, {chunks, 2}, "router sums"),
          scratch.take(DType::f64, {2, slices}, "router sums")};
}

// Whether `choices` is [tokens, k].
bool is_choices(Tensor choices, int64_t tokens) {
  return choices.rank() == 2 && choices.dim(0) == tokens;
}

void check_top_1(Tensor expert) {
  SY_CHECK(expert.cols() == 1, "router: {} experts per token, but only top-1 is supported",
           expert.cols());
}

}  // namespace

void router_forward(Exec& exec, Tensor probs, Tensor gate, Tensor log_sum, Tensor expert,
                    Tensor fraction, Tensor mean_prob, Tensor losses, Tensor logits, Tensor valid,
                    Tensor scores, bool rounded) {
  SY_CHECK(logits.rank() == 2 && fraction.rank() == 2, "router: logits {}, fraction {}",
           logits.shape().str(), fraction.shape().str());
  const int64_t tokens = logits.dim(0), experts = logits.dim(1), groups = fraction.dim(0);
  SY_CHECK(groups > 0 && experts > 0 && tokens % groups == 0 && fraction.dim(1) == experts &&
               mean_prob.shape() == fraction.shape() && probs.shape() == logits.shape() &&
               is_choices(expert, tokens) && gate.shape() == expert.shape() &&
               log_sum.numel() == tokens && valid.numel() == tokens && losses.numel() == 2,
           "router: logits {}, fraction {}, expert {}, gate {}, {} valid", logits.shape().str(),
           fraction.shape().str(), expert.shape().str(), gate.shape().str(), valid.numel());
  SY_CHECK(scores.empty() || (scores.shape() == logits.shape() && scores.dtype() == logits.dtype()),
           "router: scores {} of logits {}", scores.shape().str(), logits.shape().str());
  check_top_1(expert);
  ScratchScope scratch(exec);
  const RouterScratch sums =
      take_sums(exec, scratch, logits.dtype(), groups, tokens / groups, experts);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, logits.dtype(), "router", [&]<Backend B, class T>() {
    RouterImpl<B, T>::forward(exec, probs, gate, log_sum, expert, fraction, mean_prob, losses,
                              logits, valid, scores, rounded, sums);
  });
}

void router_count_kept(Exec& exec, Tensor count, Tensor expert, Tensor slot) {
  SY_CHECK(count.rank() == 2 && count.dim(0) > 0 && expert.rank() == 2 &&
               expert.dim(0) % count.dim(0) == 0 && slot.shape() == expert.shape(),
           "router: count {} of experts {}, slots {}", count.shape().str(), expert.shape().str(),
           slot.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, count.dtype(), "router",
           [&]<Backend B, class T>() { RouterImpl<B, T>::count_kept(exec, count, expert, slot); });
}

void router_balance(Exec& exec, Tensor loss, Tensor fraction, Tensor mean_prob) {
  SY_CHECK(fraction.rank() == 2 && mean_prob.shape() == fraction.shape() && loss.numel() == 1,
           "router: fraction {}, mean_prob {}", fraction.shape().str(), mean_prob.shape().str());
  ScratchScope scratch(exec);
  const int64_t parts =
      std::clamp<int64_t>(ceil_div(fraction.numel(), kPartElements), 1, kMaxParts);
  const Tensor sums =
      exec.backend == Backend::cpu ? Tensor{} : scratch.take(DType::f64, {parts}, "router sums");
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, fraction.dtype(), "router", [&]<Backend B, class T>() {
    RouterImpl<B, T>::balance(exec, loss, fraction, mean_prob, sums);
  });
}

void router_backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor log_sum,
                     Tensor expert, Tensor fraction, Tensor valid, double balance_scale,
                     double z_scale) {
  const int64_t tokens = probs.dim(0), groups = fraction.dim(0);
  const bool gates = !d_gate.empty();
  SY_CHECK(d_logits.shape() == probs.shape() && gates == !expert.empty() &&
               (!gates || (is_choices(expert, tokens) && d_gate.shape() == expert.shape())) &&
               log_sum.numel() == tokens && valid.numel() == tokens && groups > 0 &&
               tokens % groups == 0 && fraction.dim(1) == probs.dim(1),
           "router: d_logits {}, d_gate {}, probs {}, fraction {}", d_logits.shape().str(),
           d_gate.shape().str(), probs.shape().str(), fraction.shape().str());
  if (gates) check_top_1(expert);
  ScratchScope scratch(exec);
  const Tensor share =
      exec.backend == Backend::cpu ? Tensor{} : scratch.take(DType::f64, {groups}, "router sums");
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, probs.dtype(), "router", [&]<Backend B, class T>() {
    RouterImpl<B, T>::backward(exec, d_logits, d_gate, probs, log_sum, expert, fraction, valid,
                               balance_scale, z_scale, share);
  });
}

}  // namespace sy
