// SPDX-License-Identifier: Apache-2.0
// The nonlinearity inside a feed-forward layer, with its dropout:
//   relu:  out = dropout(max(hidden, 0))
//   gelu:  out = dropout(gelu(hidden)), tanh form (Hendrycks & Gimpel 2016)
//   geglu: out = dropout(gelu(hidden) * linear) (Shazeer 2020)
#pragma once

#include "kernels/dropout/dropout.h"
#include "lib/config/run_config.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Float32, float64 or bfloat16. out [rows, d_ff] is overwritten; for relu it may be hidden
// (backward then reads out). linear [rows, d_ff] is read for geglu and must be empty otherwise.
void activation_forward(Exec& exec, Tensor out, Tensor hidden, Tensor linear, Activation kind,
                        const Dropout& dropout);

// Whether the layer computes max(hidden, 0) and nothing else, which a GEMM can apply as it writes
// hidden (GemmOptions::relu).
inline bool is_relu_alone(Activation kind, const Dropout& dropout) {
  return kind == Activation::relu && dropout.rate == 0;
}

// d_hidden and, for geglu, d_linear [rows, d_ff] are overwritten; d_hidden may be d_out. hidden and
// linear are forward's inputs; for relu, `hidden` may be forward's output instead.
void activation_backward(Exec& exec, Tensor d_hidden, Tensor d_linear, Tensor d_out, Tensor hidden,
                         Tensor linear, Activation kind, const Dropout& dropout);

template <Backend, class T>
struct ActivationImpl {
  static void forward(Exec& exec, Tensor out, Tensor hidden, Tensor linear, Activation kind,
                      const Dropout& dropout);
  static void backward(Exec& exec, Tensor d_hidden, Tensor d_linear, Tensor d_out, Tensor hidden,
                       Tensor linear, Activation kind, const Dropout& dropout);
};

}  // namespace sy
