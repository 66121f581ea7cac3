// SPDX-License-Identifier: Apache-2.0
// Attention forward on tensor cores: bfloat16, head widths 32, 64 and 128.
#pragma once

#include <cmath>
#include <limits>

#include "kernels/attention/fused_dropout_cuda.h"
#include "kernels/attention/fused_tiles_cuda.h"

namespace sy {

// Adds the bias to the scores of query g + 8 x and key 8 n + 2 t + y of two tiles, where the warp's
// queries start at row 16 * warp of the query tile, and masks keys that a query does not see:
// `seen` are the keys of the tile that each of the lane's two queries sees.
template <int N, class Mask>
__device__ void finish_scores(float (&s)[N / 8][4], const float* bias, bool biased,
                              const SeenRange (&seen)[2]) {
  const int g = lane_id() / 4, t = lane_id() % 4;
  const float* at = bias + kAttentionTile - 1 - kFusedRows * warp_id() - g + 2 * t;
#pragma unroll
  for (int n = 0; n < N / 8; ++n) {
#pragma unroll
    for (int x = 0; x < 2; ++x) {
#pragma unroll
      for (int y = 0; y < 2; ++y) {
        float& score = s[n][2 * x + y];
        if (biased) score += at[8 * n + y - 8 * x];
        const bool hidden = Mask::hides(seen[x], 8 * n + 2 * t + y);
        if (hidden) score = -std::numeric_limits<float>::infinity();
      }
    }
  }
}

__device__ inline float quad_max(float value) {
  value = fmaxf(value, __shfl_xor_sync(kFullWarp, value, 1));
  return fmaxf(value, __shfl_xor_sync(kFullWarp, value, 2));
}
__device__ inline float quad_sum(float value) {
  value += __shfl_xor_sync(kFullWarp, value, 1);
  return value + __shfl_xor_sync(kFullWarp, value, 2);
}

// The lane's two rows of a softmax over keys that arrive tile by tile; `total` covers only the
// lane's own keys.
struct RowSoftmax {
  float largest[2] = {-std::numeric_limits<float>::infinity(),
                      -std::numeric_limits<float>::infinity()};
  float total[2] = {0, 0};

  // Converts scores to weights relative to the maximum so far. Earlier sums must be multiplied by
  // `rescale`.
  template <int N>
  __device__ void weights(float (&s)[N / 8][4], float (&rescale)[2]) {
#pragma unroll
    for (int x = 0; x < 2; ++x) {
      float top = largest[x];
#pragma unroll
      for (int n = 0; n < N / 8; ++n) top = fmaxf(top, fmaxf(s[n][2 * x], s[n][2 * x + 1]));
      top = quad_max(top);
      const float base = top == -std::numeric_limits<float>::infinity() ? 0.0f : top;
      rescale[x] = __expf(largest[x] - base);
      largest[x] = top;
      total[x] *= rescale[x];
#pragma unroll
      for (int n = 0; n < N / 8; ++n) {
#pragma unroll
        for (int y = 0; y < 2; ++y) {
          float& weight = s[n][2 * x + y];
          weight = __expf(weight - base);
          total[x] += weight;
        }
      }
    }
  }
};

template <int N, class Dropout>
__device__ void drop_weights(float (&s)[N / 8][4], const Dropout& dropout, int i, int j) {
#pragma unroll
  for (int n = 0; n < N / 8; ++n) {
    float factors[4];
    dropout.of_queries(factors, i, j + 8 * n);
#pragma unroll
    for (int x = 0; x < 4; ++x) s[n][x] *= factors[x];
  }
}

// A tile of keys and values with their bias.
template <int D>
struct alignas(16) KeyTiles {
  static constexpr int kRows = kPassing<D>;
  BFloat16 keys[kRows * kTileStride<D>], values[kRows * kTileStride<D>];
  float bias[kFusedThreads];

  // Starts copying the tile that begins at key `first`; keys from `end` on become zero.
  __device__ void stage(const AttentionHead<BFloat16>& head, int first, int end, int query) {
    const AttentionProblem<BFloat16>& p = head.p;
    stage_tile<D, kRows>(keys, p.k + head.key(first), end - first, head.stride());
    stage_tile<D, kRows>(values, p.v + head.key(first), end - first, head.stride());
    stage_bias(bias, head, first - query);
  }
};

// One block: out and log_sum of 64 queries of a head. Traffic: reads q once and k and v once per 64
// queries (from the L2 cache, where a head's 4 L d bytes stay), writes out once; 4 L d (1 + L / 64)
// bytes per head. 4 d operations per pair of query and key.
template <int D, class Dropout, class Mask>
__global__ void __launch_bounds__(kFusedThreads, D > 64 ? 2 : 3)
    fused_forward_kernel(BFloat16* out, float* log_sum, AttentionProblem<BFloat16> p) {
  constexpr int N = kPassing<D>;
  auto* tiles = reinterpret_cast<KeyTiles<D>*>(shared_memory());  // two of them
  const FusedPlace place(attention_tiles(p.lq), p.causal);
  const AttentionHead<BFloat16> head(p, place.head);
  const Dropout dropout(head);
  const int64_t stride = head.stride();
  const int warp_first = place.first + kFusedRows * warp_id();
  const SeenRange all = Mask::tile_keys(head, place.first);
  const int begin = all.from, end = all.to;
  const int i[2] = {warp_first + lane_id() / 4, warp_first + lane_id() / 4 + 8};

  uint32_t queries[D / 16][4];
  BFloat16* const own = tiles[1].keys;  // at least 64 rows, together with the values behind it
  stage_tile<D, 64>(own, p.q + head.query(place.first), p.lq - place.first, stride);
  tiles[0].stage(head, begin, end, place.first);
  wait_for_tiles();
  load_rows<D>(queries, own);

  RowSoftmax softmax;
  float sums[D / 8][4];
#pragma unroll
  for (int n = 0; n < D / 8; ++n) {
#pragma unroll
    for (int x = 0; x < 4; ++x) sums[n][x] = head.start;
  }
  for (int first = begin; first < end; first += N) {
    wait_for_tiles();
    const int turn = (first - begin) / N % 2;
    const KeyTiles<D>& tile = tiles[turn];
    if (first + N < end) tiles[1 - turn].stage(head, first + N, end, place.first);
    float s[N / 8][4], rescale[2];
    fused_row_products<D, N>(s, queries, tile.keys);
    const SeenRange seen[2] = {Mask::keys(head, i[0]).after(first),
                               Mask::keys(head, i[1]).after(first)};
    finish_scores<N, Mask>(s, tile.bias, p.bias != nullptr, seen);
    softmax.weights<N>(s, rescale);
    if constexpr (Dropout::kDrops) drop_weights<N>(s, dropout, warp_first, first);
#pragma unroll
    for (int n = 0; n < D / 8; ++n) {
#pragma unroll
      for (int x = 0; x < 4; ++x) sums[n][x] *= rescale[x / 2];
    }
    fused_column_products<D, N>(sums, s, tile.values);
  }

  float inverse[2];
#pragma unroll
  for (int x = 0; x < 2; ++x) {
    const float total = quad_sum(softmax.total[x]);
    inverse[x] = total == 0 ? 0.0f : 1.0f / total;
    if (lane_id() % 4 == 0 && i[x] < p.lq) {
      const float logarithm = softmax.largest[x] + std::log(total);
      log_sum[head.index * p.lq + i[x]] = total == 0 ? head.start : logarithm;
    }
  }
  __syncthreads();
  store_tile<D>(out + head.query(place.first), p.lq - place.first, stride, sums, inverse, own);
}

}  // namespace sy
