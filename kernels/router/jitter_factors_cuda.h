// The factors of the router's jitter (router_jitter.h), on the device.
#pragma once

#include "kernels/cuda/device.h"
#include "lib/base/random.h"

namespace sy {

constexpr int kDraws = 4;  // words of a Philox block

// Of one block's elements. 2u - 1 of a uniform u in 24 bits is exact, so any way to it will do.
template <class C>
__device__ void jitter_factors(C* factor, const Philox4& words, float epsilon) {
#pragma unroll
  for (int j = 0; j < kDraws; ++j) {
    const float noise = static_cast<float>(words.word[j] >> 8) * (1.0f / 8388608.0f) - 1.0f;
    factor[j] = 1.0f + epsilon * noise;
  }
}

}  // namespace sy
