// SPDX-License-Identifier: Apache-2.0
// Root-mean-square norm with a scale, without mean or bias (Zhang & Sennrich 2019; T5):
//   rstd = 1 / sqrt(mean(x^2) + epsilon),   out = x * rstd * scale.
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

constexpr double kRmsNormEpsilon = 1e-6;

// out [rows, d] and rstd [rows] are overwritten; x [rows, d], scale [d]. x, out and their gradients
// have one dtype, float32, float64 or bfloat16; scale, rstd and d_scale have its compute_dtype().
void rms_norm_forward(Exec& exec, Tensor out, Tensor rstd, Tensor x, Tensor scale);

// d_x [rows, d] is overwritten with d_residual plus the gradient through the norm; d_residual
// [rows, d] may be empty (meaning 0) or d_x itself. d_scale [d] is accumulated. d_out [rows, d] is
// the gradient of out.
void rms_norm_backward(Exec& exec, Tensor d_x, Tensor d_scale, Tensor d_out, Tensor x, Tensor scale,
                       Tensor rstd, Tensor d_residual);

// The number of partial sums ("shares") of d_scale for `rows` rows, computed separately and then
// added in order; it does not depend on the number of threads. On the CPU a share covers
// kRmsNormRows consecutive rows. On CUDA there are at most kRmsNormShares shares, and share s
// covers tiles s, s + shares, ... of kRmsNormTile rows.
constexpr int64_t kRmsNormRows = 64;
constexpr int64_t kRmsNormTile = 8, kRmsNormShares = 512;
int64_t rms_norm_shares(Backend backend, int64_t rows);

template <Backend, class T>
struct RmsNormImpl {
  static void forward(Exec& exec, Tensor out, Tensor rstd, Tensor x, Tensor scale);
  // partial [rms_norm_shares(rows), d] is scratch for d_scale's shares.
  static void backward(Exec& exec, Tensor d_x, Tensor d_scale, Tensor d_out, Tensor x, Tensor scale,
                       Tensor rstd, Tensor d_residual, Tensor partial);
};

}  // namespace sy
