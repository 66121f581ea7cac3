// The factors of the router's jitter, on the device.
#pragma once

#include "kernels/cuda/device.h"
#include "lib/base/random.h"

namespace sy {

constexpr int kDraws = 4;  // words of a Philox block

// Of N elements, whose words are those of N / kDraws blocks from `block` on.
template <int N, class C>
__device__ void jitter_factors(C (&factor)[N], const RandomKey& key, uint64_t block,
                               float epsilon) {
  static_assert(N % kDraws == 0);
#pragma unroll
  for (int i = 0; i < N / kDraws; ++i) {
    const Philox4 words = philox(key, block + static_cast<uint64_t>(i));
#pragma unroll
    for (int j = 0; j < kDraws; ++j) {
      factor[i * kDraws + j] = 1.0f + epsilon * (2.0f * uniform_from_word(words.word[j]) - 1.0f);
    }
  }
}

}  // namespace sy
