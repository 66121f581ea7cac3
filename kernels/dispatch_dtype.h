// SPDX-License-Identifier: Apache-2.0
// Turns an op's runtime backend and dtype into a template instance, here and nowhere else:
//   dispatch(exec, x.dtype(), "rms_norm",
//            [&]<Backend B, class T>() { RmsNormImpl<B, T>::forward(...); });
// Each foo.cpp checks shapes, returns early while planning, and then calls one of these.
#pragma once

#include "lib/tensor/exec.h"

namespace sy {

// Calls function.operator()<B>() for the exec's backend; for ops without a dtype of their own.
template <class Function>
void dispatch_backend(const Exec& exec, const char* op, Function&& function) {
  if (exec.backend == Backend::cpu) return function.template operator()<Backend::cpu>();
#ifdef SY_HAVE_CUDA
  (void)op;
  function.template operator()<Backend::cuda>();
#else
  throw ConfigError(fmt::format(
      "{}: this program was built without the CUDA backend; use backend: cpu or auto", op));
#endif
}

// For ops on weights and statistics: float32 and float64.
template <class Function>
void dispatch(const Exec& exec, DType dtype, const char* op, Function&& function) {
  dispatch_backend(exec, op, [&]<Backend B>() {
    switch (dtype) {
      case DType::f32:
        return function.template operator()<B, float>();
      case DType::f64:
        return function.template operator()<B, double>();
      default:
        SY_CHECK(false, "{} does not support {}", op, name_of(dtype));
    }
  });
}

// For ops on activations, which may also be bfloat16.
template <class Function>
void dispatch_activations(const Exec& exec, DType dtype, const char* op, Function&& function) {
  if (dtype != DType::bf16) return dispatch(exec, dtype, op, function);
  dispatch_backend(exec, op, [&]<Backend B>() { function.template operator()<B, BFloat16>(); });
}

}  // namespace sy
