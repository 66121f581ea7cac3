// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_load.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

void check(Tensor loads, Tensor noisy, Tensor raw, Tensor valid, int64_t k) {
  SY_CHECK(noisy.rank() == 2 && raw.shape() == noisy.shape() && valid.numel() == noisy.dim(0) &&
               loads.rank() == 2 && loads.dim(0) > 0 && valid.numel() % loads.dim(0) == 0 &&
               loads.dim(1) == noisy.dim(1) && k > 0,
           "router_load: loads {}, noisy {}, raw {}, {} valid, {} experts a token",
           loads.shape().str(), noisy.shape().str(), raw.shape().str(), valid.numel(), k);
  SY_CHECK(loads.dtype() == noisy.dtype() && raw.dtype() == noisy.dtype(),
           "router_load: loads {} and raw {} of {}", name_of(loads.dtype()), name_of(raw.dtype()),
           name_of(noisy.dtype()));
}

}  // namespace

void router_load_forward(Exec& exec, Tensor loads, Tensor noisy, Tensor raw, Tensor valid,
                         int64_t k, const NoiseDraw& draw) {
  check(loads, noisy, raw, valid, k);
  ScratchScope scratch(exec);
  const Tensor chances = exec.backend == Backend::cpu
                             ? Tensor{}
                             : scratch.take(noisy.dtype(), noisy.shape(), "router chances");
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, noisy.dtype(), "router_load", [&]<Backend B, class T>() {
    RouterLoadImpl<B, T>::forward(exec, loads, noisy, raw, valid, k, draw, chances);
  });
}

void router_load_backward(Exec& exec, Tensor d_noisy, Tensor d_scale, Tensor d_loads, Tensor noisy,
                          Tensor raw, Tensor valid, int64_t k, const NoiseDraw& draw,
                          double scale) {
  check(d_loads, noisy, raw, valid, k);
  SY_CHECK(d_noisy.shape() == noisy.shape() && d_scale.shape() == noisy.shape() &&
               d_noisy.dtype() == noisy.dtype() && d_scale.dtype() == noisy.dtype(),
           "router_load: d_noisy {}, d_scale {} of {}", d_noisy.shape().str(),
           d_scale.shape().str(), noisy.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, noisy.dtype(), "router_load", [&]<Backend B, class T>() {
    RouterLoadImpl<B, T>::backward(exec, d_noisy, d_scale, d_loads, noisy, raw, valid, k, draw,
                                   scale);
  });
}

}  // namespace sy
