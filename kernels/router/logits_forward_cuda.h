// SPDX-License-Identifier: Apache-2.0
// logits = jitter(x) W, four tokens per warp, for E = 8 or 16 columns of W, of which of.experts
// exist.
#pragma once

#include "kernels/router/logits_input_cuda.h"

namespace sy {

constexpr int kLogitsThreads = 256, kLogitsWarps = kLogitsThreads / kWarp;
constexpr int kLogitsRows = 4;     // tokens per warp; each word of W is reused this often
constexpr int kLogitsColumns = 8;  // columns of x per lane at a time: 16 bytes of bfloat16
// Maximum, because each block stages all of W: two per H100 multiprocessor.
constexpr int kLogitsBlocks = 264;

// W in shared memory. For 32 packs of columns it stores first every pack's first 16 bytes, then
// every pack's second 16 bytes, and so on, so that lanes that read the same part of adjacent packs
// read adjacent 16 bytes.
template <int E, class C>
struct RouterWeight {
  static constexpr int kVector = Pack<C>::kCount, kVectors = kLogitsColumns * E / kVector;
  C* at;

  static size_t bytes(int d) {
    const auto packs = static_cast<size_t>(ceil_div(d, kLogitsColumns * kWarp)) * kWarp;
    return packs * kLogitsColumns * E * sizeof(C);
  }
  __device__ C* of_pack(int pack) const {
    return at + pack / kWarp * (kVectors * kWarp * kVector) + pack % kWarp * kVector;
  }
  // The offset of the pack's column j and expert e, a multiple of kVector.
  __device__ static constexpr int offset(int j, int e) {
    return (j * E + e) / kVector * (kWarp * kVector);
  }

  template <class T>
  __device__ void fill(const RouterInput<T>& of) {
    for (int i = static_cast<int>(threadIdx.x); i < of.d * E; i += kLogitsThreads) {
      const int c = i / E, e = i % E;
      C* to = of_pack(c / kLogitsColumns) + offset(c % kLogitsColumns, e) + e % kVector;
      *to = e < of.experts ? of.weight[int64_t{c} * of.experts + e] : C(0);
    }
  }
};

// a = columns j .. j + 3 of a pack in kLogitsRows rows, jittered. The pack is at offset `at` in x;
// row r is row[r] elements further on. Draws first, so that the loads of x can still be in flight.
template <class T, class C>
__device__ void jitter_rows(C (&a)[kLogitsRows][kDraws],
                            const T (&value)[kLogitsRows][kLogitsColumns], int j, int64_t at,
                            const int (&row)[kLogitsRows], const RouterInput<T>& of) {
#pragma unroll
  for (int r = 0; r < kLogitsRows; ++r) {
#pragma unroll
    for (int i = 0; i < kDraws; ++i) a[r][i] = C(1);
  }
  if (of.epsilon != 0) {
#pragma unroll
    for (int r = 0; r < kLogitsRows; ++r) factors_of(a[r], of, at + row[r] + j);
  }
#pragma unroll
  for (int r = 0; r < kLogitsRows; ++r) {
#pragma unroll
    for (int i = 0; i < kDraws; ++i) a[r][i] *= C(value[r][j + i]);
  }
}

// sum[r * E + e] += row r of a times columns j .. j + 3 of a pack of W.
template <int E, class C>
__device__ void add_products(C (&sum)[kLogitsRows * E], const C (&a)[kLogitsRows][kDraws],
                             const C* weight, int j) {
  constexpr int kVector = Pack<C>::kCount;
#pragma unroll
  for (int i = 0; i < kDraws; ++i) {
#pragma unroll
    for (int e = 0; e < E; e += kVector) {
      C w[kVector];
      load_packs(w, weight + RouterWeight<E, C>::offset(j + i, e));
#pragma unroll
      for (int r = 0; r < kLogitsRows; ++r) {
#pragma unroll
        for (int k = 0; k < kVector; ++k) sum[r * E + e + k] += a[r][i] * w[k];
      }
    }
  }
}

// A lane's sums for kLogitsRows rows from `first` on; it takes every 32nd pack. Rows beyond the
// last one repeat the last.
template <int E, class T, class C>
__device__ void sum_products(C (&sum)[kLogitsRows * E], const RouterInput<T>& of, int64_t first,
                             const RouterWeight<E, C>& weight) {
  int row[kLogitsRows];
#pragma unroll
  for (int r = 0; r < kLogitsRows; ++r) {
    row[r] = static_cast<int>(first + r < of.tokens ? r : of.tokens - 1 - first) * of.d;
  }
#pragma unroll 1
  for (int pack = lane_id(); pack < of.d / kLogitsColumns; pack += kWarp) {
    const int64_t at = first * of.d + pack * kLogitsColumns;
    T value[kLogitsRows][kLogitsColumns];
#pragma unroll
    for (int r = 0; r < kLogitsRows; ++r) load_packs(value[r], of.x + at + row[r]);
#pragma unroll
    for (int j = 0; j < kLogitsColumns; j += kDraws) {
      C a[kLogitsRows][kDraws];
      jitter_rows(a, value, j, at, row, of);
      add_products<E>(sum, a, weight.of_pack(pack), j);
    }
  }
}

// Reduces N values over the 32 lanes and leaves N / 32 of the sums in each: value[i] is number lane
// * N / 32 + i. Each lane exchanges half of its values with a lane at a distance that halves in
// each step.
template <int N, int kDistance = kWarp / 2, class C, int kAll>
__device__ void share_sums(C (&value)[kAll]) {
  const bool upper = (lane_id() & kDistance) != 0;
#pragma unroll
  for (int i = 0; i < N / 2; ++i) {
    const C sent = upper ? value[i] : value[i + N / 2];
    const C kept = upper ? value[i + N / 2] : value[i];
    value[i] = kept + __shfl_xor_sync(kFullWarp, sent, kDistance);
  }
  if constexpr (kDistance > 1) share_sums<N / 2, kDistance / 2>(value);
}

// Traffic: reads x once, writes logits once (the minimum), and reads W once per block from the L2
// cache.
template <int E, class T, class C = Compute<T>>
__global__ void __launch_bounds__(kLogitsThreads, E * sizeof(C) <= 32 ? 2 : 1)
    router_logits_kernel(C* logits, RouterInput<T> of) {
  RouterWeight<E, C> weight{reinterpret_cast<C*>(shared_memory())};
  weight.fill(of);
  __syncthreads();
  constexpr int kSums = kLogitsRows * E, kLeft = kSums / kWarp;
  int64_t first = (int64_t{blockIdx.x} * kLogitsWarps + warp_id()) * kLogitsRows;
  for (; first < of.tokens; first += int64_t{gridDim.x} * kLogitsWarps * kLogitsRows) {
    C sum[kSums] = {};
    sum_products<E>(sum, of, first, weight);
    share_sums<kSums>(sum);
#pragma unroll
    for (int i = 0; i < kLeft; ++i) {
      const int number = lane_id() * kLeft + i, e = number % E;
      const int64_t t = first + number / E;
      if (t < of.tokens && e < of.experts) logits[t * of.experts + e] = sum[i];
    }
  }
}

}  // namespace sy
