// SPDX-License-Identifier: Apache-2.0
// A linear layer without bias: y = x w. Every GEMM of the dense layers is one of these.
#pragma once

#include "kernels/dropout/dropout.h"
#include "kernels/gemm/gemm.h"
#include "lib/model/param.h"

namespace sy {

// y [rows, out] is overwritten; x [rows, in], w [in, out].
inline void linear_forward(Exec& exec, Tensor y, Tensor x, const Param& w) {
  gemm(exec, y, x, w.compute);
}

// The last product of a sub-layer with its residual: out = x + dropout(h w). out [rows, out] is
// overwritten and is neither x [rows, out] nor h [rows, in]. On a GPU, where nothing is dropped,
// the product adds x itself, and in bfloat16 the sum is rounded once instead of twice.
inline void linear_residual_forward(Exec& exec, Tensor out, Tensor x, Tensor h, const Param& w,
                                    const Dropout& dropout) {
  if (dropout.rate == 0 && exec.backend == Backend::cuda) {
    return gemm(exec, out, h, w.compute, {}, x);
  }
  linear_forward(exec, out, h, w);
  residual_dropout_forward(exec, out, x, out, dropout);
}

// Backward for the weight: w.grad += x^T d_y.
inline void linear_backward_weight(Exec& exec, Param& w, Tensor d_y, Tensor x) {
  gemm(exec, w.grad, x, d_y, {.transpose_a = true, .accumulate = w.adds_to_grad()});
}

// Backward for the input: d_x [rows, in] = d_y w^T, or += with accumulate.
inline void linear_backward_input(Exec& exec, Tensor d_x, Tensor d_y, const Param& w,
                                  bool accumulate = false) {
  gemm(exec, d_x, d_y, w.compute, {.transpose_b = true, .accumulate = accumulate});
}

}  // namespace sy
