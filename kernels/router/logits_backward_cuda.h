// SPDX-License-Identifier: Apache-2.0
// Both gradients of logits = jitter(x) W in one pass over x. A thread keeps four columns of W and
// of its gradient in registers and iterates over a chunk of tokens. Instantiated for E = 8 or 16
// experts, of which of.experts exist; 2 x 4 x 16 numbers are half of the registers that a thread
// can have.
#pragma once

#include "kernels/cuda/mma.h"
#include "kernels/cuda/reduce.h"
#include "kernels/router/logits_input_cuda.h"

namespace sy {

constexpr int kSliceThreads = 64;
constexpr int kSliceColumns = 4;  // per thread, one Philox block; a warp's are whole sectors
constexpr int kSliceWidth = kSliceThreads * kSliceColumns;
constexpr int kStagedRows = 32;  // rows of d_logits in shared memory at a time
constexpr int kAhead = 4;        // rows of x in flight; divides kStagedRows
constexpr int kChunkThreads = 1024;

// Four adjacent elements, moved in one access if they take 16 bytes or less.
template <class T>
struct alignas(sizeof(T) < 4 ? 4 * sizeof(T) : 16) Columns {
  T value[kSliceColumns];
};

template <class T>
__device__ Columns<T> load_columns(const T* from) {
  return load_word<Columns<T>>(from);
}

template <class T>
__device__ void store_columns(T* to, const Columns<T>& from) {
  store_word(to, from);
}

// Loads a thread's rows c .. c + 3 of W, transposed; 0 for experts that do not exist.
template <int E, class T, class C>
__device__ void load_weight(Columns<C> (&weight)[E], const RouterInput<T>& of, int c) {
#pragma unroll
  for (int j = 0; j < kSliceColumns; ++j) {
    const C* row = of.weight + int64_t{c + j} * of.experts;
    C value[E];
    if (of.experts == E) {
      load_packs(value, row);
    } else {
#pragma unroll
      for (int e = 0; e < E; ++e) value[e] = e < of.experts ? row[e] : C(0);
    }
#pragma unroll
    for (int e = 0; e < E; ++e) weight[e].value[j] = value[e];
  }
}

// Stages `count` rows of d_logits, each padded to E.
template <int E, class C>
__device__ void stage_rows(C* to, const C* d_logits, int count, int experts) {
  __syncthreads();  // the previous rows may still be read
  for (int i = static_cast<int>(threadIdx.x); i < count * E; i += kSliceThreads) {
    const int e = i % E;
    to[i] = e < experts ? d_logits[i / E * experts + e] : C(0);
  }
  __syncthreads();
}

__device__ inline void put_columns(Columns<BFloat16>& to, const float (&value)[kSliceColumns]) {
  put_pair(to.value, value[0], value[1]);
  put_pair(to.value + 2, value[2], value[3]);
}
template <class C>
__device__ void put_columns(Columns<C>& to, const C (&value)[kSliceColumns]) {
#pragma unroll
  for (int j = 0; j < kSliceColumns; ++j) to.value[j] = value[j];
}

// One token's d_x in the thread's columns; adds the token's part of d_W for them.
template <int E, class T, class C>
__device__ Columns<T> token_gradients(Columns<C> (&d_weight)[E], const Columns<C> (&weight)[E],
                                      const Columns<T>& x, const C (&factor)[kSliceColumns],
                                      const C* d_logits) {
  C jittered[kSliceColumns], back[kSliceColumns] = {};
#pragma unroll
  for (int j = 0; j < kSliceColumns; ++j) jittered[j] = C(x.value[j]) * factor[j];
  C d[E];
  load_packs(d, d_logits);
#pragma unroll
  for (int e = 0; e < E; ++e) {
#pragma unroll
    for (int j = 0; j < kSliceColumns; ++j) {
      d_weight[e].value[j] += jittered[j] * d[e];
      back[j] += d[e] * weight[e].value[j];
    }
  }
#pragma unroll
  for (int j = 0; j < kSliceColumns; ++j) back[j] *= factor[j];
  Columns<T> d_x;
  put_columns(d_x, back);
  return d_x;
}

// Processes kRows tokens, the first of which is at offset `at` in x.
template <int kRows, int E, class T, class C>
__device__ void rows_gradients(T* d_x, Columns<C> (&d_weight)[E], const Columns<C> (&weight)[E],
                               const C* d_logits, const RouterInput<T>& of, int64_t at) {
  Columns<T> x[kRows];
  C factor[kRows][kSliceColumns];
#pragma unroll
  for (int k = 0; k < kRows; ++k) {
    x[k] = load_columns(of.x + at + k * of.d);
#pragma unroll
    for (int j = 0; j < kSliceColumns; ++j) factor[k][j] = C(1);
  }
  if (of.epsilon != 0) {
#pragma unroll
    for (int k = 0; k < kRows; ++k) factors_of(factor[k], of, at + k * of.d);
  }
#pragma unroll
  for (int k = 0; k < kRows; ++k) {
    store_columns(d_x + at + k * of.d,
                  token_gradients<E>(d_weight, weight, x[k], factor[k], d_logits + k * E));
  }
}

// One block per chunk of tokens and kSliceWidth columns. Traffic: reads x once, writes d_x once
// (the minimum). d_logits, read once per slice of columns, and partial [chunks, experts, d], the
// chunks' transposed d_W, go through the L2 cache.
template <int E, class T, class C = Compute<T>>
__global__ void __launch_bounds__(kSliceThreads)
    router_logits_backward_kernel(T* d_x, C* partial, const C* d_logits, RouterInput<T> of,
                                  int64_t chunk_tokens) {
  C* staged = reinterpret_cast<C*>(shared_memory());
  const int c =
      static_cast<int>(blockIdx.y) * kSliceWidth + static_cast<int>(threadIdx.x) * kSliceColumns;
  const bool works = c < of.d;
  Columns<C> weight[E], d_weight[E] = {};
  if (works) load_weight<E>(weight, of, c);
  const int64_t begin = int64_t{blockIdx.x} * chunk_tokens;
  const int64_t end = begin + chunk_tokens < of.tokens ? begin + chunk_tokens : of.tokens;
  for (int64_t first = begin; first < end; first += kStagedRows) {
    const int count = static_cast<int>(end - first < kStagedRows ? end - first : kStagedRows);
    stage_rows<E>(staged, d_logits + first * of.experts, count, of.experts);
    if (!works) continue;
    int i = 0;
    int64_t at = first * of.d + c;
#pragma unroll 1
    for (; i + kAhead <= count; i += kAhead, at += kAhead * of.d) {
      rows_gradients<kAhead>(d_x, d_weight, weight, staged + i * E, of, at);
    }
#pragma unroll 1
    for (; i < count; ++i, at += of.d) {
      rows_gradients<1>(d_x, d_weight, weight, staged + i * E, of, at);
    }
  }
  if (!works) return;
#pragma unroll
  for (int e = 0; e < E; ++e) {
    if (e >= of.experts) break;
    store_columns(partial + (int64_t{blockIdx.x} * of.experts + e) * of.d + c, d_weight[e]);
  }
}

// d_weight [d, experts] += the sum of the chunks' parts; one block per 32 elements, with the chunks
// divided among its warps.
template <class C>
__global__ void __launch_bounds__(kChunkThreads)
    router_chunks_kernel(C* d_weight, const C* partial, int chunks, int d, int experts) {
  C* slots = reinterpret_cast<C*>(shared_memory());
  const int i = static_cast<int>(blockIdx.x) * kWarp + lane_id(), count = d * experts;
  C sum = 0;
  if (i < count) {
#pragma unroll 8
    for (int chunk = warp_id(); chunk < chunks; chunk += kChunkThreads / kWarp) {
      sum += partial[int64_t{chunk} * count + i];
    }
  }
  sum = sum_over_warps(sum, slots);
  if (warp_id() == 0 && i < count) d_weight[int64_t{i % d} * experts + i / d] += sum;
}

}  // namespace sy
