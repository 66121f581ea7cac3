// SPDX-License-Identifier: Apache-2.0
// bfloat16 as a storage type: the upper half of a float32. Arithmetic is done in float32. A
// BFloat16 converts to float implicitly and is made from one by rounding to nearest, ties to even;
// a NaN stays a NaN. The conversion has no branches, so loops over it vectorise. Usable on host and
// device; a GPU has an instruction for it, which makes every NaN the same one.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "lib/base/host_device.h"

namespace sy {

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
__device__ inline uint16_t converted_bits(float value) {
  uint16_t bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}
#endif

SY_HOST_DEVICE constexpr uint16_t bfloat16_bits(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  if (!std::is_constant_evaluated()) return converted_bits(value);
#endif
  const uint32_t word = std::bit_cast<uint32_t>(value);
  const uint32_t nearest = word + 0x7fffu + (word >> 16 & 1u);
  // Rounding up could carry a NaN's payload into an infinity, so a NaN is made quiet instead.
  const uint32_t kept = value != value ? word | 0x400000u : nearest;
  return static_cast<uint16_t>(kept >> 16);
}

struct BFloat16 {
  uint16_t bits;

  BFloat16() = default;
  SY_HOST_DEVICE constexpr explicit BFloat16(float value) : bits(bfloat16_bits(value)) {}
  SY_HOST_DEVICE constexpr operator float() const {
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
};

// to = value, rounded if the type requires it. Meant for vector loops: GCC does not vectorise a
// loop that constructs a BFloat16 and copies it.
SY_HOST_DEVICE inline void put(float& to, float value) {
  to = value;
}
SY_HOST_DEVICE inline void put(double& to, double value) {
  to = value;
}
SY_HOST_DEVICE inline void put(BFloat16& to, float value) {
  to.bits = bfloat16_bits(value);
}

// The type in which values stored as T are computed, summed and counted.
template <class T>
struct ComputeOf {
  using type = T;
};
template <>
struct ComputeOf<BFloat16> {
  using type = float;
};
template <class T>
using Compute = typename ComputeOf<T>::type;

}  // namespace sy
