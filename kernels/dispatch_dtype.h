// The one place where an op's runtime backend and dtype become a template instance:
//   dispatch(exec, x.dtype(), "rms_norm", [&]<Backend B, class T>() { RmsNormImpl<B,
//   T>::forward(...); });
// Each foo.cpp checks shapes, returns while planning, and calls this.
#pragma once

#include "lib/tensor/exec.h"

namespace sy {

// function.operator()<B>() for the exec's backend; for ops without a dtype of their own.
template <class Function>
void dispatch_backend(const Exec& exec, const char* op, Function&& function) {
  if (exec.backend == Backend::cpu) return function.template operator()<Backend::cpu>();
#ifdef SY_HAVE_CUDA
  (void)op;
  function.template operator()<Backend::cuda>();
#else
  throw ConfigError(fmt::format(
      "{}: this program was built without the CUDA backend: set backend: cpu or auto", op));
#endif
}

// For ops on weights and statistics: float32, float64.
template <class Function>
void dispatch(const Exec& exec, DType dtype, const char* op, Function&& function) {
  dispatch_backend(exec, op, [&]<Backend B>() {
    switch (dtype) {
      case DType::f32:
        return function.template operator()<B, float>();
      case DType::f64:
        return function.template operator()<B, double>();
      default:
        SY_CHECK(false, "{} has no {} form", op, name_of(dtype));
    }
  });
}

// For ops on activations, which may be bfloat16 as well.
template <class Function>
void dispatch_activations(const Exec& exec, DType dtype, const char* op, Function&& function) {
  if (dtype != DType::bf16) return dispatch(exec, dtype, op, function);
  dispatch_backend(exec, op, [&]<Backend B>() { function.template operator()<B, BFloat16>(); });
}

}  // namespace sy
