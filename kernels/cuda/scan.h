// SPDX-License-Identifier: Apache-2.0
// Prefix sums over a warp and over a block.
#pragma once

#include "kernels/cuda/device.h"

namespace sy {

// The sum over the lanes up to and including this one. All lanes must call together.
template <class T>
__device__ T warp_inclusive_sum(T value) {
  for (int distance = 1; distance < kWarp; distance *= 2) {
    const T before = __shfl_up_sync(kFullWarp, value, distance);
    if (lane_id() >= distance) value += before;
  }
  return value;
}

// The sum over the block's threads before this one; *total is the sum over all of them, in every
// thread. The block has a multiple of 32 threads, at most 1024. `slots` is shared memory for 32
// values that nothing else uses until the next barrier after the call.
template <class T>
__device__ T block_exclusive_sum(T value, T* slots, T* total) {
  const T inside = warp_inclusive_sum(value);
  __syncthreads();  // an earlier call's slots may still be read
  if (lane_id() == kWarp - 1) slots[warp_id()] = inside;
  __syncthreads();
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  const T of_warp = lane_id() < warps ? slots[lane_id()] : T(0);
  const T through_warp = warp_inclusive_sum(of_warp);
  *total = __shfl_sync(kFullWarp, through_warp, kWarp - 1);
  return __shfl_sync(kFullWarp, through_warp - of_warp, warp_id()) + inside - value;
}

}  // namespace sy
