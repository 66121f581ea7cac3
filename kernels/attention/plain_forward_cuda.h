// SPDX-License-Identifier: Apache-2.0
// Attention forward in plain arithmetic, for any dtype and head width.
#pragma once

#include <limits>

#include "kernels/attention/plain_tiles_cuda.h"

namespace sy {

// Converts scores to the weights of a softmax whose row arrives in pieces. Weights are relative to
// the maximum so far; earlier sums must be multiplied by the returned factor.
template <class C, int N>
__device__ C online_softmax(C (&weights)[N], C& largest, C& total) {
  const C before = largest;
#pragma unroll
  for (int x = 0; x < N; ++x) largest = weights[x] > largest ? weights[x] : largest;
  const C base = largest == -std::numeric_limits<C>::infinity() ? C(0) : largest;
  const C rescale = std::exp(before - base);
  total *= rescale;
#pragma unroll
  for (int x = 0; x < N; ++x) {
    weights[x] = std::exp(weights[x] - base);
    total += weights[x];
  }
  return rescale;
}

// One block: 32 columns of out for 64 queries of a head, and log_sum. Traffic: reads keys and
// values once per 64 queries and 32 columns; for each of these, 2 d + 64 operations per pair of
// query and key.
template <class T, class Mask>
__global__ void __launch_bounds__(kPlainRows)
    plain_forward_kernel(T* out, Compute<T>* log_sum, AttentionProblem<T> p) {
  using C = Compute<T>;
  constexpr C kHidden = -std::numeric_limits<C>::infinity();
  auto& tiles = *reinterpret_cast<PlainTiles<C>*>(shared_memory());
  const PlainPlace place(attention_tiles(p.lq), p.d);
  const AttentionHead<T> head(p, place.head);
  const int i = place.first_row + static_cast<int>(threadIdx.x);
  const SeenRange seen = Mask::keys(head, i), tile = Mask::tile_keys(head, place.first_row);
  const int end = tile.to;
  const Rows<T> own{p.q + head.query(place.first_row), p.lq - place.first_row, head.stride()};
  C largest = kHidden, total = 0, sums[kPlainColumns];
#pragma unroll
  for (int c = 0; c < kPlainColumns; ++c) sums[c] = head.start;
  for (int first = tile.from; first < end; first += kPlainOthers) {
    C s[kPlainOthers];
    const Rows<T> values{p.v + head.key(first), end - first, head.stride()};
    row_products(s, own, {p.k + head.key(first), end - first, head.stride()}, p.d, tiles);
#pragma unroll
    for (int x = 0; x < kPlainOthers; ++x) {
      const C bias = p.bias == nullptr ? C(0) : head.bias(first + x - i);
      s[x] = Mask::hides(seen, first + x) ? kHidden : s[x] + bias;
    }
    const C rescale = online_softmax(s, largest, total);
#pragma unroll
    for (int x = 0; x < kPlainOthers; ++x) s[x] *= dropout_factor(head, i, first + x);
#pragma unroll
    for (int c = 0; c < kPlainColumns; ++c) sums[c] *= rescale;
    column_products(sums, s, values, place.first_column, p.d, tiles);
  }
  if (i >= p.lq) return;
  const C inverse = total == 0 ? C(0) : C(1) / total;
  store_columns(out + head.query(i), sums, place.first_column, p.d, inverse);
  if (place.first_column > 0) return;
  log_sum[head.index * p.lq + i] = total == 0 ? head.start : largest + std::log(total);
}

}  // namespace sy
