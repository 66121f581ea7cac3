// Elementary functions that the compiler turns into vector code: no calls, no branches. Float32
// forms are good to about 2 units in the last place; float64 forms are the standard library's.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace sy {

// e^x by x = n ln 2 + r, |r| <= ln 2 / 2, and a polynomial of degree 6 in r (Cephes' scheme). Below
// -87.3 the result is 0, above 88.3 it saturates near the largest float.
inline float vector_exp(float x) {
  constexpr float kLog2E = 1.44269504088896341f;
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  const float clamped = x < 88.3f ? (x > -87.3f ? x : -87.3f) : 88.3f;
  const float shifted = clamped * kLog2E + 12582912.0f;  // 1.5 * 2^23: rounds to nearest
  const float n = shifted - 12582912.0f;
  const float r = (clamped - n * kLn2High) - n * kLn2Low;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const int32_t exponent = static_cast<int32_t>(n);
  const float power = std::bit_cast<float>((exponent + 127) << 23);
  return x > -87.3f ? p * power : 0.0f;
}
inline double vector_exp(double x) {
  return std::exp(x);
}

// tanh(x) = 1 - 2 / (e^2x + 1), with a short series near 0 where that would cancel.
inline float vector_tanh(float x) {
  const float magnitude = x < 0 ? -x : x;
  const float square = x * x;
  const float series =
      x + x * square *
              (-0.333333333f +
               square * (0.133333333f + square * (-0.053968254f + square * 0.021869489f)));
  const float large =
      1.0f - 2.0f / (vector_exp(2.0f * (magnitude < 10.0f ? magnitude : 10.0f)) + 1.0f);
  return magnitude < 0.25f ? series : (x < 0 ? -large : large);
}
inline double vector_tanh(double x) {
  return std::tanh(x);
}

}  // namespace sy
