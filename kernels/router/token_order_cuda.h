// SPDX-License-Identifier: Apache-2.0
// The experts of a token in order, one token per warp.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/router/token_order.h"

namespace sy {

// The best expert that comes after `last` (-1: the best of all), in every lane; there is one.
template <class T>
__device__ int next_expert(const T* scores, int experts, int last) {
  int best = -1;
  T value = scores[0];
  for (int e = lane_id(); e < experts; e += kWarp) {
    const bool open = last < 0 || comes_after(scores[e], e, scores[last], last);
    if (open && (best < 0 || scores[e] > value)) {
      value = scores[e];
      best = e;
    }
  }
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const T other = __shfl_xor_sync(kFullWarp, value, distance);
    const int place = __shfl_xor_sync(kFullWarp, best, distance);
    if (place >= 0 && (best < 0 || comes_after(value, best, other, place))) {
      value = other;
      best = place;
    }
  }
  return best;
}

}  // namespace sy
