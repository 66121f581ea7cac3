// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/device/arithmetic.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "tests/hostcuda/device/report.h"

namespace sy::hostcuda {
namespace {

constexpr int kBits = 25;     // of the largest term, one more than float32 has
constexpr int kTogether = 8;  // products that are added at once

Arithmetic& current() {
  static Arithmetic the = named_arithmetic(std::getenv("SWITCHYARD_HOSTCUDA_ARITHMETIC"));
  return the;
}

float cut_off(double value) {
  const auto nearest = static_cast<float>(value);
  const bool away = std::fabs(static_cast<double>(nearest)) > std::fabs(value);
  return away ? std::nextafter(nearest, 0.0f) : nearest;
}

float add_eight(float sum, const float* a, const float* b) {
  double terms[kTogether + 1] = {sum}, largest = std::fabs(static_cast<double>(sum));
  for (int k = 0; k < kTogether; ++k) {
    const double term = static_cast<double>(a[k]) * b[k];
    terms[k + 1] = term;
    largest = std::max(largest, std::fabs(term));
    if (!std::isfinite(term)) largest = term;
  }
  double total = 0;
  if (!std::isfinite(largest) || largest == 0) {
    for (const double term : terms) total += term;
    return static_cast<float>(total);
  }
  int exponent = 0;  // largest < 2^exponent
  std::frexp(largest, &exponent);
  const double unit = std::ldexp(1.0, exponent - kBits);
  for (const double term : terms) total += std::trunc(term / unit);
  return cut_off(total * unit);
}

}  // namespace

Arithmetic named_arithmetic(const char* name) {
  if (name == nullptr || std::strcmp(name, "exact") == 0) return Arithmetic::exact;
  if (std::strcmp(name, "device") == 0) return Arithmetic::device;
  (Message() << "SWITCHYARD_HOSTCUDA_ARITHMETIC is '" << name << "'; use exact or device").die();
}

void set_arithmetic(Arithmetic arithmetic) {
  current() = arithmetic;
}

Arithmetic arithmetic() {
  return current();
}

float approximate(float value) {
  if (arithmetic() == Arithmetic::exact || !std::isnormal(value)) return value;
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t hash = (bits ^ bits >> 15) * 0x9e3779b1u;
  const auto moved = std::bit_cast<float>(bits + (hash >> 16) % 5 - 2);
  return std::isnormal(moved) ? moved : value;
}

float add_truncated(float sum, const float (&a)[16], const float (&b)[16]) {
  for (int k = 0; k < 16; k += kTogether) sum = add_eight(sum, a + k, b + k);
  return sum;
}

}  // namespace sy::hostcuda
