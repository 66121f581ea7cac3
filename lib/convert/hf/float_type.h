// SPDX-License-Identifier: Apache-2.0
// The three floating-point types of stored weights: their names, and conversion to and from
// float32. A value converted from bfloat16 or float16 converts back to the same bits, including the
// payload of a NaN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sy::convert {

enum class FloatType : uint8_t { f32, bf16, f16 };

constexpr size_t size_of(FloatType type) {
  return type == FloatType::f32 ? 4 : 2;
}

// The names in --dtype and config.json ("float32") and in safetensors ("F32").
const char* name_of(FloatType type);
const char* safetensors_name(FloatType type);

// The type with either name, or nothing if there is none.
std::optional<FloatType> float_type_named(std::string_view name);

// `out` [count] is overwritten; `in` holds count values of `type` and need not be aligned. Exact.
void to_float32(float* out, const void* in, int64_t count, FloatType type);

// `out` (count values of `type`, overwritten, need not be aligned) receives `in` [count], rounded
// to nearest, ties to even. Returns the number of finite values that became infinite.
int64_t from_float32(void* out, const float* in, int64_t count, FloatType type);

}  // namespace sy::convert
