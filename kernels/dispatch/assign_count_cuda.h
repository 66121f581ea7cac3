// SPDX-License-Identifier: Apache-2.0
// The first half of assigning slots: how many choices of each expert there are in a chunk and in
// the chunks before it.
#pragma once

#include "kernels/cuda/reduce.h"
#include "kernels/cuda/scan.h"
#include "kernels/dispatch/dispatch.h"

namespace sy {

constexpr int kAssignThreads = 256;

// The order in which the choices [T, k] take slots: group after group, and within a group all
// tokens' first choices, then their second ones.
struct ChoiceOrder {
  int64_t tokens;  // per group
  int k;
  __device__ int64_t size() const { return tokens * k; }  // choices per group
  // The index in [T, k] of the choice at a given position in that order; its group is known.
  __device__ int64_t choice(int64_t group, int64_t place) const {
    if (k == 1) return place;
    const int64_t within = place - group * size();
    return (group * tokens + within % tokens) * k + within / tokens;
  }
  __device__ int32_t token(int64_t choice) const {
    return static_cast<int32_t>(k == 1 ? choice : choice / k);
  }
};

// The positions [begin, begin + count) of group `group` that a block handles, namely chunk
// blockIdx.x.
struct Chunk {
  int64_t group, begin;
  int count;
  __device__ Chunk(int64_t size, int64_t chunks) {
    group = blockIdx.x / chunks;
    begin = group * size + blockIdx.x % chunks * kAssignTokens;
    const int64_t left = (group + 1) * size - begin;
    count = static_cast<int>(left < kAssignTokens ? left : kAssignTokens);
  }
};

// next[chunk] = the chunk's choices of each expert, one choice per thread. A choice of a
// nonexistent expert counts as dropped.
static __global__ void assign_count_kernel(int32_t* next, int32_t* dropped, const int32_t* expert,
                                           ChoiceOrder order, int64_t chunks, int experts) {
  static_assert(kAssignTokens == kAssignThreads);
  int* routed = reinterpret_cast<int*>(shared_memory());
  for (int e = static_cast<int>(threadIdx.x); e < experts; e += kAssignThreads) routed[e] = 0;
  __syncthreads();
  const Chunk chunk(order.size(), chunks);
  if (static_cast<int>(threadIdx.x) < chunk.count) {
    const int e = expert[order.choice(chunk.group, chunk.begin + threadIdx.x)];
    if (e >= 0 && e < experts) {
      atomicAdd(routed + e, 1);
    } else if (e != -1) {
      atomicAdd(dropped, 1);
    }
  }
  __syncthreads();
  int32_t* to = next + int64_t{blockIdx.x} * experts;
  for (int e = static_cast<int>(threadIdx.x); e < experts; e += kAssignThreads) to[e] = routed[e];
}

constexpr int kScanned = 16;  // counts that a thread loads at once

// Replaces x[i * stride], i < count, by the sum of the preceding entries; returns the total.
__device__ int exclusive_sums(int32_t* x, int64_t count, int64_t stride) {
  int total = 0;
  for (int64_t first = 0; first < count; first += kScanned) {
    int here[kScanned];
#pragma unroll
    for (int i = 0; i < kScanned; ++i) {
      here[i] = first + i < count ? x[(first + i) * stride] : 0;
    }
#pragma unroll
    for (int i = 0; i < kScanned; ++i) {
      if (first + i < count) x[(first + i) * stride] = total;
      total += here[i];
    }
  }
  return total;
}

// next[chunk] becomes the number of choices of each expert in the group's preceding chunks; one
// thread per group and expert. counts, which are zero on entry, receive the totals over groups and
// the number of choices beyond the capacity.
static __global__ void assign_scan_kernel(int32_t* next, int32_t* counts, int64_t groups,
                                          int64_t chunks, int64_t experts, int64_t capacity) {
  int* slots = reinterpret_cast<int*>(shared_memory());
  const int64_t i = int64_t{blockIdx.x} * kAssignThreads + threadIdx.x;
  const int64_t group = i / experts, e = i % experts;
  int past = 0;
  if (group < groups) {
    const int total = exclusive_sums(next + group * chunks * experts + e, chunks, experts);
    if (total > 0) atomicAdd(counts + e, total);
    if (total > capacity) past = total - static_cast<int>(capacity);
  }
  past = block_sum(past, slots);
  if (threadIdx.x == 0 && past > 0) atomicAdd(counts + experts, past);
}

// first[e] = the sum of counts before e. One block.
static __global__ void expert_starts_kernel(int32_t* first, const int32_t* counts, int experts) {
  int* slots = reinterpret_cast<int*>(shared_memory());
  int before = 0;
  for (int begin = 0; begin < experts; begin += kAssignThreads) {
    const int e = begin + static_cast<int>(threadIdx.x);
    int total = 0;
    const int start = block_exclusive_sum(e < experts ? counts[e] : 0, slots, &total);
    if (e < experts) first[e] = before + start;
    before += total;
  }
}

}  // namespace sy
