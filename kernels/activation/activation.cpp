// SPDX-License-Identifier: Apache-2.0
#include "kernels/activation/activation.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

void check(Tensor out, Tensor hidden, Tensor linear, Activation kind) {
  SY_CHECK(out.numel() == hidden.numel() && out.cols() == hidden.cols() &&
               (kind == Activation::geglu ? linear.numel() == hidden.numel() : linear.empty()),
           "activation: out {}, hidden {}, linear {}", out.shape().str(), hidden.shape().str(),
           linear.shape().str());
}

}  // namespace

void activation_forward(Exec& exec, Tensor out, Tensor hidden, Tensor linear, Activation kind,
                        const Dropout& dropout) {
  check(out, hidden, linear, kind);
  check_dropout("activation", dropout, hidden.rows(), hidden.cols());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::activation);
  dispatch_activations(exec, hidden.dtype(), "activation", [&]<Backend B, class T>() {
    ActivationImpl<B, T>::forward(exec, out, hidden, linear, kind, dropout);
  });
}

void activation_backward(Exec& exec, Tensor d_hidden, Tensor d_linear, Tensor d_out, Tensor hidden,
                         Tensor linear, Activation kind, const Dropout& dropout) {
  check(d_hidden, hidden, linear, kind);
  check(d_out, hidden, d_linear, kind);
  check_dropout("activation", dropout, hidden.rows(), hidden.cols());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::activation);
  dispatch_activations(exec, hidden.dtype(), "activation", [&]<Backend B, class T>() {
    ActivationImpl<B, T>::backward(exec, d_hidden, d_linear, d_out, hidden, linear, kind, dropout);
  });
}

}  // namespace sy
