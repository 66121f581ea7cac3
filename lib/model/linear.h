// SPDX-License-Identifier: Apache-2.0
// A linear layer without bias: y = x w. Every GEMM of the dense layers is one of these.
#pragma once

#include "kernels/gemm/gemm.h"
#include "lib/model/param.h"

namespace sy {

// y [rows, out] is overwritten; x [rows, in], w [in, out].
inline void linear_forward(Exec& exec, Tensor y, Tensor x, const Param& w) {
  gemm(exec, y, x, w.compute);
}

// Backward for the weight: w.grad += x^T d_y.
inline void linear_backward_weight(Exec& exec, Param& w, Tensor d_y, Tensor x) {
  gemm(exec, w.grad, x, d_y, {.transpose_a = true, .accumulate = true});
}

// Backward for the input: d_x [rows, in] = d_y w^T, or += with accumulate.
inline void linear_backward_input(Exec& exec, Tensor d_x, Tensor d_y, const Param& w,
                                  bool accumulate = false) {
  gemm(exec, d_x, d_y, w.compute, {.transpose_b = true, .accumulate = accumulate});
}

}  // namespace sy
