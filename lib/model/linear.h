// A linear map without bias, the product that every layer is made of: y = x w.
#pragma once

#include "kernels/gemm/gemm.h"
#include "lib/model/param.h"

namespace sy {

// y [rows, out] is overwritten; x [rows, in], w [in, out].
inline void linear_forward(Exec& exec, Tensor y, Tensor x, const Param& w) {
  gemm(exec, y, x, w.compute);
}

// The weight's half: w.grad += x^T d_y.
inline void linear_backward_weight(Exec& exec, Param& w, Tensor d_y, Tensor x) {
  gemm(exec, w.grad, x, d_y, {.transpose_a = true, .accumulate = true});
}

// The input's half: d_x [rows, in] = d_y w^T, or += with accumulate.
inline void linear_backward_input(Exec& exec, Tensor d_x, Tensor d_y, const Param& w,
                                  bool accumulate = false) {
  gemm(exec, d_x, d_y, w.compute, {.transpose_b = true, .accumulate = accumulate});
}

}  // namespace sy
