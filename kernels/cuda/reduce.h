// Sums and maxima over a warp and over a block, in an order that is always the same.
#pragma once

#include "kernels/cuda/device.h"

namespace sy {

// Of the 32 lanes, in every lane. All lanes call it together.
template <class T>
__device__ T warp_sum(T value) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(kFullWarp, value, distance);
  }
  return value;
}

template <class T>
__device__ T warp_max(T value) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const T other = __shfl_xor_sync(kFullWarp, value, distance);
    value = other > value ? other : value;
  }
  return value;
}

// Of the block's threads, a multiple of 32 and at most 1024, in every thread; `slots` is shared
// memory for 32 values that nothing else uses until the next barrier after the call.
template <class T>
__device__ T block_sum(T value, T* slots) {
  value = warp_sum(value);
  __syncthreads();  // an earlier call's slots may still be read
  if (lane_id() == 0) slots[warp_id()] = value;
  __syncthreads();
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  return warp_sum(lane_id() < warps ? slots[lane_id()] : T(0));
}

template <class T>
__device__ T block_max(T value, T* slots) {
  value = warp_max(value);
  __syncthreads();
  if (lane_id() == 0) slots[warp_id()] = value;
  __syncthreads();
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  return warp_max(slots[lane_id() < warps ? lane_id() : 0]);
}

}  // namespace sy
