// SPDX-License-Identifier: Apache-2.0
// A linear layer without bias: y = x w. Every GEMM of the dense layers is one of these. Layers that
// share their input and lie one after another in memory are multiplied together where that is
// faster: a GPU fills more of its multiprocessors with one large product than with three small
// ones.
#pragma once

#include <initializer_list>

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

// Layers of one shape that share their input.
using LinearGroup = std::initializer_list<Param*>;

// Whether they are multiplied together.
inline bool multiplied_together(const Exec& exec, LinearGroup group) {
  return exec.backend == Backend::cuda && are_adjacent(group);
}

// y [layers, rows, out] is overwritten; x [rows, in].
inline void linears_forward(Exec& exec, Tensor y, Tensor x, LinearGroup group) {
  if (multiplied_together(exec, group)) {
    return gemm(exec, y, x.view({1, x.dim(0), x.dim(1)}), joined(group, &Param::compute));
  }
  int64_t i = 0;
  for (const Param* w : group) linear_forward(exec, y.at(i++), x, *w);
}

// Backward for the weights: w.grad += x^T d_y for each layer.
inline void linears_backward_weight(Exec& exec, LinearGroup group, Tensor d_y, Tensor x) {
  if (multiplied_together(exec, group)) {
    bool adds = true;
    for (Param* w : group) adds = w->adds_to_grad();
    return gemm(exec, joined(group, &Param::grad), x.view({1, x.dim(0), x.dim(1)}), d_y,
                {.transpose_a = true, .accumulate = adds});
  }
  int64_t i = 0;
  for (Param* w : group) linear_backward_weight(exec, *w, d_y.at(i++), x);
}

// Backward for the input: d_x [rows, in] = d_y w^T, or += with accumulate.
inline void linear_backward_input(Exec& exec, Tensor d_x, Tensor d_y, const Param& w,
                                  bool accumulate = false) {
  gemm(exec, d_x, d_y, w.compute, {.transpose_b = true, .accumulate = accumulate});
}

}  // namespace sy
