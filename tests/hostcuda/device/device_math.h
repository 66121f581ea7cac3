// SPDX-License-Identifier: Apache-2.0
// Arithmetic functions that device code has in addition to <cmath>. The device's fast functions
// (__expf and the like) are exact here, or err as far as the device's do (arithmetic.h).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "tests/hostcuda/device/arithmetic.h"

// Macros, because glibc declares functions of these names and newer releases define the first two.
#define rsqrtf(x) sy::hostcuda::reciprocal_root<float>(x)
#define rsqrt(x) sy::hostcuda::reciprocal_root(x)
#define __expf(x) sy::hostcuda::approximate(std::exp(static_cast<float>(x)))
#define __exp10f(x) sy::hostcuda::approximate(std::pow(10.0f, static_cast<float>(x)))
#define __logf(x) sy::hostcuda::approximate(std::log(static_cast<float>(x)))
#define __log2f(x) sy::hostcuda::approximate(std::log2(static_cast<float>(x)))
#define __sinf(x) sy::hostcuda::approximate(std::sin(static_cast<float>(x)))
#define __cosf(x) sy::hostcuda::approximate(std::cos(static_cast<float>(x)))
#define __powf(x, y) \
  sy::hostcuda::approximate(std::pow(static_cast<float>(x), static_cast<float>(y)))

namespace sy::hostcuda {

template <class T>
T reciprocal_root(T x) {
  const T exact = T(1) / std::sqrt(x);
  if constexpr (std::is_same_v<T, float>) return approximate(exact);
  return exact;
}

template <class A, class B>
concept Numbers = std::is_arithmetic_v<A> && std::is_arithmetic_v<B>;

}  // namespace sy::hostcuda

// Of a number and a NaN, both return the number.
template <class A, class B>
requires sy::hostcuda::Numbers<A, B>
constexpr std::common_type_t<A, B> max(A a, B b) {
  const std::common_type_t<A, B> x = a, y = b;
  return y > x || x != x ? y : x;
}
template <class A, class B>
requires sy::hostcuda::Numbers<A, B>
constexpr std::common_type_t<A, B> min(A a, B b) {
  const std::common_type_t<A, B> x = a, y = b;
  return y < x || x != x ? y : x;
}

inline float __fdividef(float x, float y) {
  return sy::hostcuda::approximate(x / y);
}
inline float __fmaf_rn(float x, float y, float z) {
  return std::fma(x, y, z);
}
template <class T>
T __ldg(const T* at) {
  return *at;
}

constexpr float __uint_as_float(unsigned x) {
  return std::bit_cast<float>(x);
}
constexpr unsigned __float_as_uint(float x) {
  return std::bit_cast<unsigned>(x);
}
constexpr float __int_as_float(int x) {
  return std::bit_cast<float>(x);
}
constexpr int __float_as_int(float x) {
  return std::bit_cast<int>(x);
}
constexpr long long __double_as_longlong(double x) {
  return std::bit_cast<long long>(x);
}
constexpr double __longlong_as_double(long long x) {
  return std::bit_cast<double>(x);
}

constexpr int __popc(unsigned x) {
  return std::popcount(x);
}
constexpr int __popcll(unsigned long long x) {
  return std::popcount(x);
}
constexpr int __clz(int x) {
  return std::countl_zero(static_cast<unsigned>(x));
}
// 1 + the index of the lowest set bit, or 0 if none is set.
constexpr int __ffs(int x) {
  return x == 0 ? 0 : 1 + std::countr_zero(static_cast<unsigned>(x));
}
constexpr unsigned __umulhi(unsigned x, unsigned y) {
  return static_cast<unsigned>(static_cast<uint64_t>(x) * y >> 32);
}
