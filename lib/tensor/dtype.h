// SPDX-License-Identifier: Apache-2.0
// Element types. Float64 exists for gradient checks. Training keeps its weights in float32 and
// computes in float32 or bfloat16.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/tensor/bfloat16.h"

namespace sy {

enum class DType : uint8_t { f32, f64, bf16, i32 };

constexpr size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return 8;
    case DType::bf16:
      return 2;
    default:
      return 4;
  }
}

constexpr const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "float32";
    case DType::f64:
      return "float64";
    case DType::bf16:
      return "bfloat16";
    case DType::i32:
      return "int32";
  }
  return "?";
}

// The dtype of tensors that accompany activations of `dtype` but need full precision: sums,
// statistics, master weights and their gradients.
constexpr DType compute_dtype(DType dtype) {
  return dtype == DType::bf16 ? DType::f32 : dtype;
}

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<BFloat16> {
  static constexpr DType value = DType::bf16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::i32;
};

}  // namespace sy
