// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_noise.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

void check(Tensor a, Tensor b, Tensor raw) {
  SY_CHECK(raw.rank() == 2 && a.shape() == raw.shape() && b.shape() == raw.shape() &&
               a.dtype() == raw.dtype() && b.dtype() == raw.dtype(),
           "router_noise: {} and {} of {}", a.shape().str(), b.shape().str(), raw.shape().str());
}

}  // namespace

void router_noise_forward(Exec& exec, Tensor noisy, Tensor logits, Tensor raw,
                          const NoiseDraw& draw) {
  check(noisy, logits, raw);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, raw.dtype(), "router_noise", [&]<Backend B, class T>() {
    RouterNoiseImpl<B, T>::forward(exec, noisy, logits, raw, draw);
  });
}

void router_noise_backward(Exec& exec, Tensor d_raw, Tensor d_noisy, Tensor d_scale, Tensor raw,
                           const NoiseDraw& draw) {
  check(d_raw, d_noisy, raw);
  if (!d_scale.empty()) check(d_raw, d_scale, raw);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, raw.dtype(), "router_noise", [&]<Backend B, class T>() {
    RouterNoiseImpl<B, T>::backward(exec, d_raw, d_noisy, d_scale, raw, draw);
  });
}

}  // namespace sy
