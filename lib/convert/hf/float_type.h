// The three float types in which weights are stored outside: their names, and conversion to and
// from our float32 by bits. A value that came from bfloat16 or float16 goes back to the same bits,
// the payload of a NaN included.
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

// As --dtype and config.json have it ("float32"), and as safetensors has it ("F32").
const char* name_of(FloatType type);
const char* safetensors_name(FloatType type);

// The type with either of the names, nothing for another text.
std::optional<FloatType> float_type_named(std::string_view name);

// `out` [count] is overwritten; `in` holds count values of `type` and need not be aligned. Exact.
void to_float32(float* out, const void* in, int64_t count, FloatType type);

// `out` (count values of `type`, overwritten, need not be aligned) is `in` [count] rounded to
// nearest, ties to even. Returns how many finite values became infinite.
int64_t from_float32(void* out, const float* in, int64_t count, FloatType type);

}  // namespace sy::convert
