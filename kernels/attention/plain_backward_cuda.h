// SPDX-License-Identifier: Apache-2.0
// Attention backward in plain arithmetic: the d_q kernel owns queries and loops over keys, the
// kernel of d_k and d_v the other way round, so every sum has one owner and one order.
//   p = exp(s - log_sum),  d_s = p (mask d_p - delta),  d_p = d_out . v
#pragma once

#include "kernels/attention/plain_tiles_cuda.h"

namespace sy {

// diagonals[first + key - query + ...] += the sums along diagonals of the block's d_s [64, 16]. The
// range moves by 16 with each tile of keys, so the sums are accumulated in memory, each by one
// thread at a time.
template <class C>
__device__ void add_diagonals(C* diagonals, int first, const C (&d_s)[kPlainOthers], C* tile) {
  constexpr int kStride = kPlainOthers + 1;
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int x = 0; x < kPlainOthers; ++x) tile[thread * kStride + x] = d_s[x];
  __syncthreads();
  for (int x = thread; x < kPlainRows + kPlainOthers - 1; x += kPlainRows) {
    C sum = 0;
    for (int j = 0; j < kPlainOthers; ++j) {
      const int i = j + kPlainRows - 1 - x;
      if (i >= 0 && i < kPlainRows) sum += tile[i * kStride + j];
    }
    diagonals[first + x + 1] += sum;
  }
}

// One block: 32 columns of d_q for 64 queries of a head. The block of the first columns also writes
// the queries' sums along diagonals (diagonal_places() of them), unless `diagonals` is null.
// Traffic: reads k and v once per 64 queries and 32 columns; for each of these, 4 d + 64 operations
// per pair of query and key.
template <class T, class Mask>
__global__ void __launch_bounds__(kPlainRows)
    plain_d_q_kernel(T* d_q, Compute<T>* diagonals, AttentionProblem<T> p,
                     AttentionGradients<T> g) {
  using C = Compute<T>;
  auto& tiles = *reinterpret_cast<PlainTiles<C>*>(shared_memory());
  const PlainPlace place(attention_tiles(p.lq), p.d);
  const AttentionHead<T> head(p, place.head);
  const int i = place.first_row + static_cast<int>(threadIdx.x), places = diagonal_places(p.lk);
  const SeenRange seen = Mask::keys(head, i), tile = Mask::tile_keys(head, place.first_row);
  const int end = tile.to;
  const int64_t start = head.query(place.first_row), stride = head.stride();
  const Rows<T> queries{p.q + start, p.lq - place.first_row, stride};
  const Rows<T> d_outs{g.d_out + start, p.lq - place.first_row, stride};
  const C log_sum = i < p.lq ? g.log_sum[head.index * p.lq + i] : C(0);
  const C delta = i < p.lq ? g.delta[head.index * p.lq + i] : C(0);
  const bool sums_diagonals = diagonals != nullptr && place.first_column == 0;
  if (sums_diagonals) {
    diagonals += (head.index * attention_tiles(p.lq) + place.first_row / kPlainRows) * places;
    for (int x = static_cast<int>(threadIdx.x); x < places; x += kPlainRows) diagonals[x] = 0;
  }
  C sums[kPlainColumns];
#pragma unroll
  for (int c = 0; c < kPlainColumns; ++c) sums[c] = head.start;
  for (int first = tile.from; first < end; first += kPlainOthers) {
    const Rows<T> keys{p.k + head.key(first), end - first, stride};
    C s[kPlainOthers], d_s[kPlainOthers];
    row_products(s, queries, keys, p.d, tiles);
    row_products(d_s, d_outs, {p.v + head.key(first), end - first, stride}, p.d, tiles);
#pragma unroll
    for (int x = 0; x < kPlainOthers; ++x) {
      const int j = first + x;
      const C bias = p.bias == nullptr ? C(0) : head.bias(j - i);
      const C prob = std::exp(s[x] + bias - log_sum);
      const C gradient = prob * (dropout_factor(head, i, j) * d_s[x] - delta);
      d_s[x] = Mask::hides(seen, j) ? C(0) : gradient;
    }
    if (sums_diagonals) add_diagonals(diagonals, first, d_s, tiles.gradient);
    column_products(sums, d_s, keys, place.first_column, p.d, tiles);
  }
  if (i < p.lq) store_columns(d_q + head.query(i), sums, place.first_column, p.d, C(1));
}

// One block: 32 columns of d_k and d_v for 64 keys of a head. Traffic: reads q and d_out once per
// 64 keys and 32 columns; for each of these, 4 d + 128 operations per pair of query and key.
template <class T, class Mask>
__global__ void __launch_bounds__(kPlainRows)
    plain_d_keys_kernel(T* d_k, T* d_v, AttentionProblem<T> p, AttentionGradients<T> g) {
  using C = Compute<T>;
  auto& tiles = *reinterpret_cast<PlainTiles<C>*>(shared_memory());
  const PlainPlace place(attention_tiles(p.lk), p.d);
  const AttentionHead<T> head(p, place.head);
  const int j = place.first_row + static_cast<int>(threadIdx.x);
  const int64_t start = head.key(place.first_row), stride = head.stride();
  const Rows<T> keys{p.k + start, head.keys - place.first_row, stride};
  const Rows<T> values{p.v + start, head.keys - place.first_row, stride};
  C k_sums[kPlainColumns], v_sums[kPlainColumns];
#pragma unroll
  for (int c = 0; c < kPlainColumns; ++c) k_sums[c] = v_sums[c] = head.start;
  const SeenRange tile = Mask::tile_queries(head, place.first_row);
  for (int first = tile.from; first < tile.to; first += kPlainOthers) {
    const Rows<T> queries{p.q + head.query(first), p.lq - first, stride};
    const Rows<T> d_outs{g.d_out + head.query(first), p.lq - first, stride};
    C prob[kPlainOthers], d_s[kPlainOthers];
    row_products(prob, keys, queries, p.d, tiles);
    row_products(d_s, values, d_outs, p.d, tiles);
#pragma unroll
    for (int x = 0; x < kPlainOthers; ++x) {
      const int i = first + x;
      const bool seen = !Mask::hides(Mask::keys(head, i), j);
      const int64_t row = head.index * p.lq + (i < p.lq ? i : 0);
      const C bias = p.bias == nullptr ? C(0) : head.bias(j - i);
      const C mask = dropout_factor(head, i, j);
      prob[x] = seen ? std::exp(prob[x] + bias - g.log_sum[row]) : C(0);
      d_s[x] = seen ? prob[x] * (mask * d_s[x] - g.delta[row]) : C(0);
      prob[x] *= mask;
    }
    column_products(v_sums, prob, d_outs, place.first_column, p.d, tiles);
    column_products(k_sums, d_s, queries, place.first_column, p.d, tiles);
  }
  if (j >= p.lk) return;
  store_columns(d_k + head.key(j), k_sums, place.first_column, p.d, C(1));
  store_columns(d_v + head.key(j), v_sums, place.first_column, p.d, C(1));
}

}  // namespace sy
