// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/float_type.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

namespace sy::convert {
namespace {

uint16_t narrowed(float value, FloatType type) {
  uint16_t bits = 0;
  from_float32(&bits, &value, 1, type);
  return bits;
}

float widened(uint16_t bits, FloatType type) {
  float value = 0;
  to_float32(&value, &bits, 1, type);
  return value;
}

TEST_CASE("float types: all 65,536 bit patterns go to float32 and back", "[convert_float_type]") {
  const FloatType type = GENERATE(FloatType::bf16, FloatType::f16);
  std::vector<uint16_t> all(1 << 16), back(1 << 16);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  std::vector<float> values(all.size());
  to_float32(values.data(), all.data(), 1 << 16, type);
  CHECK(from_float32(back.data(), values.data(), 1 << 16, type) == 0);
  CHECK(back == all);
}

TEST_CASE("float types: the values", "[convert_float_type]") {
  CHECK(widened(0x3c00, FloatType::f16) == 1.0f);
  CHECK(widened(0xc000, FloatType::f16) == -2.0f);
  CHECK(widened(0x7bff, FloatType::f16) == 65504.0f);
  CHECK(widened(0x0400, FloatType::f16) == 0x1p-14f);
  CHECK(widened(0x03ff, FloatType::f16) == 1023 * 0x1p-24f);
  CHECK(widened(0x7c00, FloatType::f16) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(widened(0x7c01, FloatType::f16)));
  CHECK(widened(0x3fc0, FloatType::bf16) == 1.5f);
  CHECK(widened(0x0001, FloatType::bf16) == 0x1p-133f);
}

TEST_CASE("float types: to nearest, ties to even", "[convert_float_type]") {
  CHECK(narrowed(1 + 0x1p-11f, FloatType::f16) == 0x3c00);
  CHECK(narrowed(1 + 3 * 0x1p-11f, FloatType::f16) == 0x3c02);
  CHECK(narrowed(std::nextafter(1 + 0x1p-11f, 2.0f), FloatType::f16) == 0x3c01);
  CHECK(narrowed(0x1p-25f, FloatType::f16) == 0);
  CHECK(narrowed(3 * 0x1p-25f, FloatType::f16) == 2);
  CHECK(narrowed(-0x1.8p-24f, FloatType::f16) == 0x8002);
  CHECK(narrowed(1 + 0x1p-8f, FloatType::bf16) == 0x3f80);
  CHECK(narrowed(1 + 3 * 0x1p-8f, FloatType::bf16) == 0x3f82);
  CHECK(narrowed(-0.0f, FloatType::bf16) == 0x8000);
}

// The C++ compiler's own conversion, where it has the type.
#ifdef __FLT16_MAX__
TEST_CASE("float types: float16 as the compiler rounds it", "[convert_float_type]") {
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 977) {
    const auto value = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (std::isnan(value)) continue;
    const auto expected = std::bit_cast<uint16_t>(static_cast<_Float16>(value));
    if (narrowed(value, FloatType::f16) != expected) FAIL("at " << value);
  }
}
#endif

TEST_CASE("float types: finite values that become infinite are counted", "[convert_float_type]") {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values{65519, 65520, -1e30f, infinity, 1, std::nanf("")};
  std::vector<uint16_t> out(values.size());
  CHECK(from_float32(out.data(), values.data(), 6, FloatType::f16) == 2);
  CHECK(out[0] == 0x7bff);
  CHECK(out[2] == 0xfc00);
  CHECK(from_float32(out.data(), values.data(), 6, FloatType::bf16) == 0);
  const float largest = std::numeric_limits<float>::max();
  CHECK(from_float32(out.data(), &largest, 1, FloatType::bf16) == 1);
}

TEST_CASE("float types: names", "[convert_float_type]") {
  for (const FloatType type : {FloatType::f32, FloatType::bf16, FloatType::f16}) {
    CHECK(float_type_named(name_of(type)) == type);
    CHECK(float_type_named(safetensors_name(type)) == type);
  }
  CHECK_FALSE(float_type_named("F64"));
}

}  // namespace
}  // namespace sy::convert
