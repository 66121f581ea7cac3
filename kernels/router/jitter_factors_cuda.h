// SPDX-License-Identifier: Apache-2.0
// The factors of the router's jitter (router_jitter.h) in device code.
#pragma once

#include "kernels/cuda/device.h"
#include "lib/base/random.h"

namespace sy {

constexpr int kDraws = 4;  // words per Philox block

// The factors of one block's elements. 2u - 1 is exact for a 24-bit uniform u, so any way of
// computing it gives the same result.
template <class C>
__device__ void jitter_factors(C* factor, const Philox4& words, float epsilon) {
#pragma unroll
  for (int j = 0; j < kDraws; ++j) {
    const float noise = static_cast<float>(words.word[j] >> 8) * (1.0f / 8388608.0f) - 1.0f;
    factor[j] = 1.0f + epsilon * noise;
  }
}

}  // namespace sy
