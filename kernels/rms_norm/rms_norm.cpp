// SPDX-License-Identifier: Apache-2.0
#include "kernels/rms_norm/rms_norm.h"

#include <algorithm>

#include "kernels/dispatch_dtype.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

void check(Tensor out, Tensor rstd, Tensor x, Tensor scale) {
  SY_CHECK(out.shape() == x.shape() && rstd.numel() == x.rows() && scale.numel() == x.cols(),
           "rms_norm: out {}, rstd {}, x {}, scale {}", out.shape().str(), rstd.shape().str(),
           x.shape().str(), scale.shape().str());
}

}  // namespace

int64_t rms_norm_shares(Backend backend, int64_t rows) {
  return backend == Backend::cpu ? ceil_div(rows, kRmsNormRows)
                                 : std::min(ceil_div(rows, kRmsNormTile), kRmsNormShares);
}

void rms_norm_forward(Exec& exec, Tensor out, Tensor rstd, Tensor x, Tensor scale) {
  check(out, rstd, x, scale);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::norm);
  dispatch_activations(exec, x.dtype(), "rms_norm", [&]<Backend B, class T>() {
    RmsNormImpl<B, T>::forward(exec, out, rstd, x, scale);
  });
}

void rms_norm_backward(Exec& exec, Tensor d_x, Tensor d_scale, Tensor d_out, Tensor x, Tensor scale,
                       Tensor rstd, Tensor d_residual) {
  check(d_out, rstd, x, scale);
  SY_CHECK(d_x.shape() == x.shape() && d_scale.shape() == scale.shape() &&
               (d_residual.empty() || d_residual.shape() == x.shape()),
           "rms_norm: d_x {}, d_scale {}, d_residual {} for x {}", d_x.shape().str(),
           d_scale.shape().str(), d_residual.shape().str(), x.shape().str());
  ScratchScope scratch(exec);
  Tensor partial = scratch.take(
      d_scale.dtype(), {rms_norm_shares(exec.backend, x.rows()), x.cols()}, "rms_norm d_scale");
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::norm);
  dispatch_activations(exec, x.dtype(), "rms_norm", [&]<Backend B, class T>() {
    RmsNormImpl<B, T>::backward(exec, d_x, d_scale, d_out, x, scale, rstd, d_residual, partial);
  });
}

}  // namespace sy
