// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_second_place.h"

#include "kernels/dispatch_dtype.h"
#include "kernels/router/router.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

constexpr const char* kScratch = "router second places";

Tensor take_share(const Exec& exec, ScratchScope& scratch, Tensor fraction) {
  if (exec.backend == Backend::cpu) return {};
  return scratch.take(DType::f64, {fraction.dim(0)}, kScratch);
}

void check(Tensor fraction, Tensor probs, Tensor valid, Tensor expert, Tensor second) {
  const int64_t tokens = second.numel();
  SY_CHECK(probs.rank() == 2 && probs.dim(0) == tokens && valid.numel() == tokens &&
               expert.numel() == 2 * tokens && fraction.rank() == 2 && fraction.dim(0) > 0 &&
               tokens % fraction.dim(0) == 0 && fraction.dim(1) == probs.dim(1) &&
               fraction.dtype() == probs.dtype(),
           "router_second_place: fraction {}, probs {}, expert {}, {} second choices",
           fraction.shape().str(), probs.shape().str(), expert.shape().str(), tokens);
}

}  // namespace

void router_second_place_forward(Exec& exec, Tensor loss, Tensor fraction, Tensor probs,
                                 Tensor valid, Tensor expert, Tensor second) {
  check(fraction, probs, valid, expert, second);
  SY_CHECK(loss.numel() == 1 && loss.dtype() == probs.dtype(), "router_second_place: loss {}",
           loss.shape().str());
  ScratchScope scratch(exec);
  const Tensor share = take_share(exec, scratch, fraction);
  Tensor parts;
  if (exec.backend == Backend::cuda) {
    parts = scratch.take(DType::f64, {ceil_div(second.numel(), kRouterTokens)}, kScratch);
  }
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, probs.dtype(), "router_second_place", [&]<Backend B, class T>() {
    RouterSecondPlaceImpl<B, T>::forward(exec, loss, fraction, probs, valid, expert, second, share,
                                         parts);
  });
}

void router_second_place_backward(Exec& exec, Tensor d_logits, Tensor fraction, Tensor probs,
                                  Tensor valid, Tensor expert, Tensor second, double scale) {
  check(fraction, probs, valid, expert, second);
  SY_CHECK(d_logits.shape() == probs.shape() && d_logits.dtype() == probs.dtype(),
           "router_second_place: d_logits {} of {}", d_logits.shape().str(), probs.shape().str());
  ScratchScope scratch(exec);
  const Tensor share = take_share(exec, scratch, fraction);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, probs.dtype(), "router_second_place", [&]<Backend B, class T>() {
    RouterSecondPlaceImpl<B, T>::backward(exec, d_logits, fraction, probs, valid, expert, second,
                                          scale, share);
  });
}

}  // namespace sy
