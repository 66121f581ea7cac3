// SPDX-License-Identifier: Apache-2.0
// Attention backward on tensor cores, the kernel that owns keys: d_k and d_v. Scores are computed
// with keys as rows, so that their gradients are left operands here too.
#pragma once

#include "kernels/attention/fused_dropout_cuda.h"
#include "kernels/attention/fused_tiles_cuda.h"

namespace sy {

// Queries of a passing tile that are handled at a time. Of a whole wide tile, the weights and their
// gradients would take registers that the sums and the block's own rows do not leave.
template <int D>
constexpr int kQueriesAtOnce = D > 32 ? kPassing<D> / 2 : kPassing<D>;

// A tile of queries and output gradients, with their bias, log sums and deltas.
template <int D>
struct alignas(16) PassingQueries {
  static constexpr int kRows = kPassing<D>;
  BFloat16 queries[kRows * kTileStride<D>], d_outs[kRows * kTileStride<D>];
  float bias[kFusedThreads];  // for key - query = x - 63 between the two tiles
  float log_sum[kRows], delta[kRows];

  // Starts copying the tile that begins at query `first`.
  __device__ void stage(const AttentionHead<BFloat16>& head, const AttentionGradients<BFloat16>& g,
                        int first, int key) {
    const AttentionProblem<BFloat16>& p = head.p;
    const int64_t row = head.index * p.lq + first;
    stage_tile<D, kRows>(queries, p.q + head.query(first), p.lq - first, head.stride());
    stage_tile<D, kRows>(d_outs, g.d_out + head.query(first), p.lq - first, head.stride());
    stage_bias(bias, head, key - first);
    stage_numbers<kRows>(log_sum, g.log_sum + row, p.lq - first);
    stage_numbers<kRows>(delta, g.delta + row, p.lq - first);
  }
};

// On entry, prob holds the scores of key g + 8 x and the tile's query from + 8 n + 2 t + y, and d_s
// their d_p. On return, prob holds the weights that values were multiplied by, and d_s the gradient
// of the scores. `seen` are the tile's queries that see each of the lane's two keys; i and j are
// the first of these queries and the warp's first key.
template <int D, int N, class Dropout>
__device__ void key_gradients(float (&prob)[N / 8][4], float (&d_s)[N / 8][4],
                              const PassingQueries<D>& rows, int from, bool biased,
                              const SeenRange (&seen)[2], const Dropout& dropout, int i, int j) {
  const int g = lane_id() / 4, t = lane_id() % 4;
  const float* bias = rows.bias + kAttentionTile - 1 + kFusedRows * warp_id() + g - 2 * t - from;
#pragma unroll
  for (int n = 0; n < N / 8; ++n) {
    float factors[4] = {1, 1, 1, 1};
    dropout.of_keys(factors, i + 8 * n, j);
#pragma unroll
    for (int x = 0; x < 4; ++x) {
      const int query = from + 8 * n + 2 * t + x % 2;
      const float score = prob[n][x] + (biased ? bias[8 * (x / 2) - 8 * n - x % 2] : 0.0f);
      const bool visible = query >= seen[x / 2].from && query < seen[x / 2].to;
      const float weight = visible ? __expf(score - rows.log_sum[query]) : 0.0f;
      d_s[n][x] = weight * (factors[x] * d_s[n][x] - rows.delta[query]);
      prob[n][x] = weight * factors[x];
    }
  }
}

// Loads the block's 64 rows as operands, through shared memory.
template <int D>
__device__ void load_own_rows(uint32_t (&rows)[D / 16][4], BFloat16* tile, const BFloat16* from,
                              int count, int64_t stride) {
  stage_tile<D, 64>(tile, from, count, stride);
  wait_for_tiles();
  load_rows<D>(rows, tile);
  __syncthreads();
}

// One block: d_k and d_v of 64 keys of a head. Traffic: reads k and v once and q and d_out once per
// 64 keys, 2 L d (4 + 2 L / 64) bytes per head. 8 d operations per pair of query and key.
template <int D, class Dropout, class Mask>
__global__ void __launch_bounds__(kFusedThreads, D > 32 || Dropout::kDrops || Mask::kPacked ? 2 : 3)
    fused_d_keys_kernel(BFloat16* d_k, BFloat16* d_v, AttentionProblem<BFloat16> p,
                        AttentionGradients<BFloat16> g) {
  constexpr int kTile = kPassing<D>, N = kQueriesAtOnce<D>;
  auto* tiles = reinterpret_cast<PassingQueries<D>*>(shared_memory());  // two of them
  const FusedPlace place(attention_tiles(p.lk), false);
  const AttentionHead<BFloat16> head(p, place.head);
  const Dropout dropout(head);
  const int64_t stride = head.stride(), start = head.key(place.first);
  const int warp_first = place.first + kFusedRows * warp_id();

  const SeenRange all = Mask::tile_queries(head, place.first);
  if (all.from < all.to) tiles[0].stage(head, g, all.from, place.first);
  uint32_t keys[D / 16][4], values[D / 16][4];
  BFloat16* const own = tiles[1].queries;  // at least 64 rows, together with d_outs behind it
  load_own_rows<D>(keys, own, p.k + start, head.keys - place.first, stride);
  load_own_rows<D>(values, own, p.v + start, head.keys - place.first, stride);
  float k_sums[D / 8][4], v_sums[D / 8][4];
#pragma unroll
  for (int n = 0; n < D / 8; ++n) {
#pragma unroll
    for (int x = 0; x < 4; ++x) k_sums[n][x] = v_sums[n][x] = head.start;
  }
  for (int first = all.from, turn = 0; first < all.to; first += kTile, turn = 1 - turn) {
    wait_for_tiles();
    const PassingQueries<D>& tile = tiles[turn];
    if (first + kTile < all.to) tiles[1 - turn].stage(head, g, first + kTile, place.first);
#pragma unroll 1
    for (int from = 0; from < kTile; from += N) {
      const BFloat16* queries = tile.queries + from * kTileStride<D>;
      const BFloat16* d_outs = tile.d_outs + from * kTileStride<D>;
      float prob[N / 8][4], d_s[N / 8][4];
      fused_row_products<D, N>(prob, keys, queries);
      fused_row_products<D, N>(d_s, values, d_outs);
      SeenRange seen[2];  // not kept from part to part: there is no register for it
#pragma unroll
      for (int x = 0; x < 2; ++x) {
        const int j = warp_first + lane_id() / 4 + 8 * x;
        seen[x] = Mask::queries(head, j).after(first);
      }
      key_gradients<D, N>(prob, d_s, tile, from, p.bias != nullptr, seen, dropout, first + from,
                          warp_first);
      fused_column_products<D, N>(v_sums, prob, d_outs);
      fused_column_products<D, N>(k_sums, d_s, queries);
    }
  }
  __syncthreads();
  store_tile<D>(d_k + start, p.lk - place.first, stride, k_sums, {1.0f, 1.0f}, own);
  store_tile<D>(d_v + start, p.lk - place.first, stride, v_sums, {1.0f, 1.0f}, own);
}

}  // namespace sy
