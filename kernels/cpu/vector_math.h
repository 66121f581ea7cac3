// SPDX-License-Identifier: Apache-2.0
// Elementary functions that the compiler vectorises: no calls and no branches. The float32 form is
// accurate to about 2 units in the last place; the float64 form is the standard library's.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace sy {

// e^x with x = n ln 2 + r, |r| <= ln 2 / 2, and e^r = 1 + r + r^2 p(r), where p is fitted for the
// minimum relative error of e^r (3e-9). Below -87 the result is 0; above 88.3 it saturates near the
// largest float. NaN stays NaN.
inline float vector_exp(float x) {
  constexpr float kLog2E = 1.44269504088896341f;
  constexpr float kLn2High = 355.0f / 512.0f, kLn2Low = -2.12194440e-4f;  // High * n is exact
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to nearest
  // Written so that a NaN fails both comparisons and passes through.
  const float above = x < -87.0f ? -87.0f : x;
  const float clamped = above > 88.3f ? 88.3f : above;
  const float shifted = clamped * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = (clamped - n * kLn2High) - n * kLn2Low;
  float p = 1.38145394e-3f;
  p = p * r + 8.36874518e-3f;
  p = p * r + 4.16683908e-2f;
  p = p * r + 1.66665204e-1f;
  p = p * r + 4.99999934e-1f;
  p = p * r * r + r + 1.0f;
  // The low bits of `shifted` are n.
  const int32_t exponent = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRound);
  const float power = std::bit_cast<float>((exponent + 127) << 23);
  return x < -87.0f ? 0.0f : p * power;
}
inline double vector_exp(double x) {
  return std::exp(x);
}

}  // namespace sy
