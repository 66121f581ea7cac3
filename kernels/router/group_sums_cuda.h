// SPDX-License-Identifier: Apache-2.0
// The router's sums across chunks of tokens: group statistics, losses and counts.
#pragma once

#include "kernels/cuda/reduce.h"
#include "kernels/router/token_softmax_cuda.h"

namespace sy {

constexpr int kCountedExperts = 4096;  // experts whose token counts fit in a block's shared memory

// f and P for 32 experts of a group, one expert per lane, with the group's chunks divided among the
// warps; and the block's parts of the losses. Traffic: reads the chunks' sums, a sixteenth of the
// probabilities.
template <class T>
__global__ void router_groups_kernel(T* fraction, T* mean_prob, double* parts, const T* chunk_probs,
                                     const double* chunk_z, int64_t experts, int64_t chunks,
                                     int64_t slices, bool rounded) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  double *probs = slots + kWarp, *tokens = probs + kRouterThreads;
  const int64_t group = blockIdx.x / slices, slice = blockIdx.x % slices;
  const int64_t e = slice * kWarp + lane_id();
  double total = 0, chosen = 0;
  for (int64_t c = warp_id(); c < chunks && e < experts; c += kRouterWarps) {
    const T* sums = chunk_probs + (group * chunks + c) * 2 * experts;
    total += static_cast<double>(sums[e]);
    chosen += static_cast<double>(sums[experts + e]);
  }
  probs[threadIdx.x] = total;
  tokens[threadIdx.x] = chosen;
  double z = 0, valid = 0;
  for (int64_t c = threadIdx.x; c < chunks; c += kRouterThreads) {
    z += chunk_z[(group * chunks + c) * 2];
    valid += chunk_z[(group * chunks + c) * 2 + 1];
  }
  z = block_sum(z, slots);
  valid = block_sum(valid, slots);
  if (warp_id() != 0) return;
  for (int w = 1; w < kRouterWarps; ++w) {
    total += probs[w * kWarp + lane_id()];
    chosen += tokens[w * kWarp + lane_id()];
  }
  const bool any = valid > 0;
  const T f = rounded_if(rounded, any ? static_cast<T>(chosen) / static_cast<T>(valid) : T(0));
  const T mean = rounded_if(rounded, any ? static_cast<T>(total / valid) : T(0));
  if (e < experts) {
    fraction[group * experts + e] = f;
    mean_prob[group * experts + e] = mean;
  }
  const double product = static_cast<double>(f) * static_cast<double>(mean);
  const double products = warp_sum(e < experts ? rounded_if(rounded, product) : 0.0);
  if (lane_id() == 0) {
    parts[blockIdx.x] = static_cast<double>(experts) * products;
    parts[gridDim.x + blockIdx.x] = slice == 0 && any ? z / valid : 0.0;
  }
}

// parts[b] = E * the sum of f P over the b-th of every gridDim.x runs of kRouterThreads elements.
template <class T>
__global__ void router_balance_kernel(double* parts, const T* fraction, const T* mean_prob,
                                      int64_t count, double experts) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  double total = 0;
  for (int64_t i = int64_t{blockIdx.x} * kRouterThreads + threadIdx.x; i < count;
       i += int64_t{gridDim.x} * kRouterThreads) {
    total += static_cast<double>(fraction[i]) * static_cast<double>(mean_prob[i]);
  }
  total = block_sum(total, slots);
  if (threadIdx.x == 0) parts[blockIdx.x] = experts * total;
}

// losses[b] = the sum of row b of parts [gridDim.x, count].
template <class T>
__global__ void router_losses_kernel(T* losses, const double* parts, int64_t count) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  double total = 0;
  for (int64_t i = threadIdx.x; i < count; i += kRouterThreads)
    total += parts[blockIdx.x * count + i];
  total = block_sum(total, slots);
  if (threadIdx.x == 0) losses[blockIdx.x] = static_cast<T>(total);
}

// One group per block of grid.x, and kCountedExperts experts per block of grid.y.
template <class T>
__global__ void router_count_kept_kernel(T* count, const int32_t* expert, const int32_t* slot,
                                         int64_t size, int experts) {
  int* tokens = reinterpret_cast<int*>(shared_memory());
  const int first = static_cast<int>(blockIdx.y) * kCountedExperts;
  const int here = experts - first < kCountedExperts ? experts - first : kCountedExperts;
  for (int e = static_cast<int>(threadIdx.x); e < here; e += kRouterThreads) tokens[e] = 0;
  __syncthreads();
  for (int64_t i = threadIdx.x; i < size; i += kRouterThreads) {
    const int64_t t = blockIdx.x * size + i;
    if (expert[t] < 0) continue;
    const int e = (slot[t] < 0 ? 0 : expert[t]) - first;
    if (e >= 0 && e < here) atomicAdd(tokens + e, 1);
  }
  __syncthreads();
  T* counts = count + int64_t{blockIdx.x} * experts + first;
  for (int e = static_cast<int>(threadIdx.x); e < here; e += kRouterThreads) {
    counts[e] += static_cast<T>(tokens[e]);
  }
}

// share[g] = 1 / the number of valid tokens of group g, or 0 without any. One group per block.
static __global__ void router_share_kernel(double* share, const int32_t* valid, int64_t size) {
  int* slots = reinterpret_cast<int*>(shared_memory());
  int count = 0;
  for (int64_t i = threadIdx.x; i < size; i += kRouterThreads)
    count += valid[blockIdx.x * size + i] != 0;
  count = block_sum(count, slots);
  if (threadIdx.x == 0) share[blockIdx.x] = count == 0 ? 0.0 : 1.0 / static_cast<double>(count);
}

}  // namespace sy
