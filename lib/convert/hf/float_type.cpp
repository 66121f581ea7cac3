// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/float_type.h"

#include <bit>
#include <cstring>
#include <iterator>

#include "lib/tensor/bfloat16.h"

namespace sy::convert {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

struct Names {
  const char *ours, *safetensors;
};
constexpr Names kNames[] = {
    {"float32", "F32"}, {"bfloat16", "BF16"}, {"float16", "F16"}};  // by type

constexpr uint32_t kSign = 0x80000000, kInfinity = 0x7f800000;

uint32_t bits_of_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = half >> 10 & 0x1f, mantissa = half & 0x3ff;
  if (exponent == 0x1f) return sign | kInfinity | mantissa << 13;
  if (exponent != 0) return sign | (exponent + 112) << 23 | mantissa << 13;
  return sign | std::bit_cast<uint32_t>(static_cast<float>(mantissa) * 0x1p-24f);
}

// The top bits of a NaN's payload, or the quiet bit if they are zero (which would be infinity).
uint16_t narrow_nan(uint32_t mantissa, uint16_t quiet) {
  return static_cast<uint16_t>(mantissa != 0 ? mantissa : quiet);
}

uint16_t half_of_bits(uint32_t bits) {
  const auto sign = static_cast<uint16_t>((bits & kSign) >> 16);
  const uint32_t magnitude = bits & ~kSign;
  if (magnitude > kInfinity) {
    return static_cast<uint16_t>(sign | 0x7c00 | narrow_nan(magnitude >> 13 & 0x3ff, 0x200));
  }
  if (magnitude >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);  // 65520 and more
  if (magnitude >= 0x38800000) {                                             // 2^-14 and more
    const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return static_cast<uint16_t>(sign | (rounded - 0x38000000) >> 13);
  }
  // Subnormal: the unit in the last place is 2^-24, like that of a float32 in [0.5, 1).
  const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
  return static_cast<uint16_t>(sign |
                               (std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0.5f)));
}

uint16_t brain_of_bits(uint32_t bits) {
  if ((bits & ~kSign) > kInfinity) {
    return static_cast<uint16_t>((bits >> 16 & 0xff80) | narrow_nan(bits >> 16 & 0x7f, 0x40));
  }
  return bfloat16_bits(std::bit_cast<float>(bits));
}

template <class Narrow>
int64_t narrow_all(char* out, const float* in, int64_t count, uint16_t infinity,
                   const Narrow& narrow) {
  int64_t overflows = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, in + i, sizeof bits);
    const uint16_t value = narrow(bits);
    overflows += (value & 0x7fff) == infinity && (bits & ~kSign) < kInfinity;
    std::memcpy(out + 2 * i, &value, sizeof value);
  }
  return overflows;
}

}  // namespace

const char* name_of(FloatType type) {
  return kNames[static_cast<size_t>(type)].ours;
}

const char* safetensors_name(FloatType type) {
  return kNames[static_cast<size_t>(type)].safetensors;
}

std::optional<FloatType> float_type_named(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i].ours || name == kNames[i].safetensors) return static_cast<FloatType>(i);
  }
  return std::nullopt;
}

void to_float32(float* out, const void* in, int64_t count, FloatType type) {
  const auto* bytes = static_cast<const char*>(in);
  if (type == FloatType::f32) {
    if (count > 0) std::memcpy(out, bytes, static_cast<size_t>(count) * sizeof(float));
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    uint16_t value;
    std::memcpy(&value, bytes + 2 * i, sizeof value);
    const uint32_t bits =
        type == FloatType::bf16 ? static_cast<uint32_t>(value) << 16 : bits_of_half(value);
    std::memcpy(out + i, &bits, sizeof bits);
  }
}

int64_t from_float32(void* out, const float* in, int64_t count, FloatType type) {
  auto* bytes = static_cast<char*>(out);
  switch (type) {
    case FloatType::f32:
      if (count > 0) std::memcpy(bytes, in, static_cast<size_t>(count) * sizeof(float));
      return 0;
    case FloatType::bf16:
      return narrow_all(bytes, in, count, 0x7f80, brain_of_bits);
    case FloatType::f16:
      return narrow_all(bytes, in, count, 0x7c00, half_of_bits);
  }
  return 0;
}

}  // namespace sy::convert
