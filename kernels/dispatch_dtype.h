// The one place where an op's runtime backend and dtype become a template instance:
//   dispatch(exec, x.dtype(), "rms_norm", [&]<Backend B, class T>() { RmsNormImpl<B,
//   T>::forward(...); });
// Each foo.cpp checks shapes, returns while planning, and calls this.
#pragma once

#include "lib/tensor/exec.h"

namespace sy {

[[noreturn]] inline void throw_no_cuda(const char* op) {
  throw ConfigError(
      fmt::format("{}: this version has no CUDA backend: set backend: cpu or auto", op));
}

// For ops on weights and statistics: float32, float64.
template <class Function>
void dispatch(const Exec& exec, DType dtype, const char* op, Function&& function) {
  if (exec.backend == Backend::cuda) throw_no_cuda(op);
  switch (dtype) {
    case DType::f32:
      return function.template operator()<Backend::cpu, float>();
    case DType::f64:
      return function.template operator()<Backend::cpu, double>();
    default:
      SY_CHECK(false, "{} has no {} form", op, name_of(dtype));
  }
}

// For ops on activations, which may be bfloat16 as well.
template <class Function>
void dispatch_activations(const Exec& exec, DType dtype, const char* op, Function&& function) {
  if (dtype != DType::bf16) return dispatch(exec, dtype, op, function);
  if (exec.backend == Backend::cuda) throw_no_cuda(op);
  function.template operator()<Backend::cpu, BFloat16>();
}

}  // namespace sy
