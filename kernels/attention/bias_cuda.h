// SPDX-License-Identifier: Apache-2.0
// The position bias around the attention kernels: the table is expanded over distances before them,
// and its gradient is gathered afterwards from their sums along diagonals.
#pragma once

#include "kernels/attention/problem_cuda.h"
#include "kernels/attention/relative_bucket.h"
#include "kernels/cuda/reduce.h"

namespace sy {

constexpr int kBiasThreads = 256;

struct BiasBuckets {
  int count, max_distance;
  bool bidirectional;
};

// bucket[x] for key - query = x - (lq - 1), and bias [heads, places] = the table's entry for that
// bucket. Traffic: about 4 bytes per place and head.
template <class C>
__global__ void spread_bias_kernel(C* bias, int32_t* bucket, const C* table, int heads, int lq,
                                   int places, BiasBuckets buckets) {
  const int x = static_cast<int>(blockIdx.x * kBiasThreads + threadIdx.x);
  if (x >= places) return;
  const int chosen =
      relative_bucket(x - (lq - 1), buckets.bidirectional, buckets.count, buckets.max_distance);
  bucket[x] = chosen;
  for (int h = 0; h < heads; ++h) {
    bias[int64_t{h} * places + x] = table[int64_t{chosen} * heads + h];
  }
}

// The gradient of one distance; tiles are added in order.
template <class C>
__device__ C diagonal_sum(const C* diagonals, int x, int lq, int lk) {
  const int places = diagonal_places(lk), tiles = attention_tiles(lq);
  C sum = 0;
  for (int tile = 0; tile < tiles; ++tile) {
    const int place = x - (lq - 1) + (tile + 1) * kAttentionTile;
    if (place >= 0 && place < places) sum += diagonals[int64_t{tile} * places + place];
  }
  return sum;
}

// Computes partial [sequences * heads, buckets] from diagonals [sequences * heads, tiles, places],
// one block per head of a sequence. Traffic: reads 4 bytes per 64 pairs of query and key.
template <class C>
__global__ void fold_diagonals_kernel(C* partial, const C* diagonals, const int32_t* bucket,
                                      int buckets, int lq, int lk) {
  C* sums = reinterpret_cast<C*>(shared_memory());
  int* owner = reinterpret_cast<int*>(sums + kBiasThreads);
  const int thread = static_cast<int>(threadIdx.x), places = lq + lk - 1;
  diagonals += int64_t{blockIdx.x} * attention_tiles(lq) * diagonal_places(lk);
  partial += int64_t{blockIdx.x} * buckets;
  for (int first = 0; first < places; first += kBiasThreads) {
    const int x = first + thread;
    __syncthreads();
    sums[thread] = x < places ? diagonal_sum(diagonals, x, lq, lk) : C(0);
    owner[thread] = x < places ? bucket[x] : -1;
    __syncthreads();
    for (int b = warp_id(); b < buckets; b += kBiasThreads / kWarp) {
      C sum = 0;
      for (int i = lane_id(); i < kBiasThreads; i += kWarp) sum += owner[i] == b ? sums[i] : C(0);
      sum = warp_sum(sum);
      if (lane_id() == 0) partial[b] = first == 0 ? sum : partial[b] + sum;
    }
  }
}

// d_table [buckets, heads] += the sequences' partial sums, in order. Traffic: reads the partial
// sums once.
template <class C>
__global__ void add_bias_kernel(C* d_table, const C* partial, int sequences, int heads,
                                int buckets) {
  const int i = static_cast<int>(blockIdx.x * kBiasThreads + threadIdx.x);
  if (i >= buckets * heads) return;
  const int bucket = i / heads, head = i % heads;
  C sum = 0;
  for (int b = 0; b < sequences; ++b) {
    sum += partial[(int64_t{b} * heads + head) * buckets + bucket];
  }
  d_table[i] += sum;
}

}  // namespace sy
