// SPDX-License-Identifier: Apache-2.0
// Sums and maxima over a warp and over a block, in a fixed order.
#pragma once

#include "kernels/cuda/device.h"

namespace sy {

// Reductions over the 32 lanes, returned in every lane. All lanes must call together.
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

// Reductions over the block's threads (a multiple of 32, at most 1024), returned in every thread.
// `slots` is shared memory for 32 values that nothing else uses until the next barrier after the
// call.
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

// For each lane, the sum of the values of all the block's warps in warp order, returned in warp 0.
// `slots` is shared memory for one value per thread, free again after the next barrier.
template <class T>
__device__ T sum_over_warps(T value, T* slots) {
  __syncthreads();  // an earlier call's slots may still be read
  slots[threadIdx.x] = value;
  __syncthreads();
  T sum = 0;
  if (warp_id() == 0) {
    for (unsigned at = threadIdx.x; at < blockDim.x; at += kWarp) sum += slots[at];
  }
  return sum;
}

}  // namespace sy
