// SPDX-License-Identifier: Apache-2.0
// Noise of the logits whose size is learned (noisy top-k gating; Shazeer et al. 2017, section 2.1,
// equations 3 and 4):
//   H = logits + eps softplus(raw),  eps ~ N(0, 1) for each token and expert,  raw = input W_noise
#pragma once

#include <cmath>

#include "kernels/router/router_sample.h"
#include "lib/base/random.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// What a draw depends on: element (t, e) of [T, E] draws the words 2 i and 2 i + 1 of key,
// i = (first_row + t) E + e, the same on every mesh.
struct NoiseDraw {
  RandomKey key;
  int64_t first_row = 0;
};

// noisy [T, E] (overwritten; may be logits) = H. logits and raw [T, E], float32 or float64.
void router_noise_forward(Exec& exec, Tensor noisy, Tensor logits, Tensor raw,
                          const NoiseDraw& draw);

// d_raw [T, E] (overwritten; may be d_scale) = (d_noisy eps + d_scale) sigmoid(raw), the gradient
// of raw. d_scale, the gradient of softplus(raw) apart from H, may be empty. That of the logits is
// d_noisy itself.
void router_noise_backward(Exec& exec, Tensor d_raw, Tensor d_noisy, Tensor d_scale, Tensor raw,
                           const NoiseDraw& draw);

// Standard normal (Box and Muller 1958), at most 5.9 in size.
template <class T>
SY_HOST_DEVICE inline T normal_draw(const RandomKey& key, uint64_t element) {
  constexpr T kTwoPi = T(6.283185307179586);
  const T u = static_cast<T>(open_uniform(random_word(key, 2 * element)));
  const T v = static_cast<T>(open_uniform(random_word(key, 2 * element + 1)));
  return std::sqrt(T(-2) * std::log(u)) * std::cos(kTwoPi * v);
}

// log(1 + exp(x)), without overflow.
template <class T>
SY_HOST_DEVICE inline T softplus(T x) {
  const T rest = std::log1p(std::exp(x > 0 ? -x : x));
  return x > 0 ? x + rest : rest;
}
template <class T>
SY_HOST_DEVICE inline T sigmoid(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

template <Backend, class T>
struct RouterNoiseImpl {
  static void forward(Exec& exec, Tensor noisy, Tensor logits, Tensor raw, const NoiseDraw& draw);
  static void backward(Exec& exec, Tensor d_raw, Tensor d_noisy, Tensor d_scale, Tensor raw,
                       const NoiseDraw& draw);
};

}  // namespace sy
