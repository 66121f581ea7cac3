// Attention backward on tensor cores, the part that owns keys: d_k and d_v. Scores are made with
// keys as rows, so that their gradients are left operands here too.
#pragma once

#include "kernels/cuda/attention_fused_dropout.h"
#include "kernels/cuda/attention_fused_tiles.h"

namespace sy {

// Queries that pass by at a time: at width 128 two sums fill the registers that 64 would need.
template <int D>
constexpr int kPassing = D > 64 ? 32 : 64;

// Numbers of the queries that pass by, staged beside them.
struct PassingRows {
  const float *log_sum, *delta, *bias;  // bias of key - query = x - 63 in the two tiles
};

// Which queries of the tile a lane's key is seen by.
struct SeenBy {
  int from, to;
};

// prob holds scores of key g + 8 x and query 8 n + 2 t + y, and d_s their d_p; prob becomes the
// weights that were multiplied with values, d_s the gradient of the scores. i and j are the tile's
// first query and the warp's first key.
template <int N>
__device__ void key_gradients(float (&prob)[N / 8][4], float (&d_s)[N / 8][4],
                              const PassingRows& rows, bool biased, const SeenBy (&seen)[2],
                              const FusedDropout& dropout, int i, int j) {
  const int g = lane_id() / 4, t = lane_id() % 4;
  const float* bias = rows.bias + kAttentionTile - 1 + kFusedRows * warp_id() + g - 2 * t;
#pragma unroll
  for (int n = 0; n < N / 8; ++n) {
    float factors[4] = {1, 1, 1, 1};
    if (dropout.rate > 0) dropout.of_keys(factors, i + 8 * n, j);
#pragma unroll
    for (int x = 0; x < 4; ++x) {
      const int query = 8 * n + 2 * t + x % 2;
      const float score = prob[n][x] + (biased ? bias[8 * (x / 2) - 8 * n - x % 2] : 0.0f);
      const bool visible = query >= seen[x / 2].from && query < seen[x / 2].to;
      const float weight = visible ? __expf(score - rows.log_sum[query]) : 0.0f;
      d_s[n][x] = weight * (factors[x] * d_s[n][x] - rows.delta[query]);
      prob[n][x] = weight * factors[x];
    }
  }
}

// The block's 64 rows from memory to operands, by way of shared memory.
template <int D>
__device__ void load_own_rows(uint32_t (&rows)[D / 16][4], BFloat16* tile, const BFloat16* from,
                              int count, int64_t stride) {
  __syncthreads();
  stage_tile<D, 64>(tile, from, count, stride);
  __syncthreads();
  load_rows<D>(rows, tile);
}

template <int D>
constexpr size_t fused_d_keys_bytes() {
  return 2 * kPassing<D> * kTileStride<D> * sizeof(BFloat16) +
         (kFusedThreads + 2 * kPassing<D>)*sizeof(float);
}

// A block: d_k and d_v of 64 keys of a head. Reads k and v once and q, d_out once for every 64
// keys: 2 L d (4 + 2 L / 64) bytes a head; 8 d operations a pair of query and key.
template <int D>
__global__ void __launch_bounds__(kFusedThreads)
    fused_d_keys_kernel(BFloat16* d_k, BFloat16* d_v, AttentionProblem<BFloat16> p,
                        AttentionGradients<BFloat16> g) {
  constexpr int N = kPassing<D>;
  auto* queries = reinterpret_cast<BFloat16*>(shared_memory());  // with d_outs at least 64 rows
  BFloat16* d_outs = queries + N * kTileStride<D>;
  auto* bias = reinterpret_cast<float*>(d_outs + N * kTileStride<D>);
  float *log_sum = bias + kFusedThreads, *delta = log_sum + N;
  const FusedPlace place(attention_tiles(p.lk), false);
  const AttentionHead<BFloat16> head(p, place.head);
  const FusedDropout dropout(head);
  const int64_t stride = head.stride(), start = head.key(place.first);
  const int warp_first = place.first + kFusedRows * warp_id();

  uint32_t keys[D / 16][4], values[D / 16][4];
  load_own_rows<D>(keys, queries, p.k + start, head.keys - place.first, stride);
  load_own_rows<D>(values, queries, p.v + start, head.keys - place.first, stride);
  float k_sums[D / 8][4], v_sums[D / 8][4];
#pragma unroll
  for (int n = 0; n < D / 8; ++n) {
#pragma unroll
    for (int x = 0; x < 4; ++x) k_sums[n][x] = v_sums[n][x] = head.start;
  }
  const int end = place.first < head.keys ? p.lq : 0;
  for (int first = p.causal ? place.first : 0; first < end; first += N) {
    __syncthreads();
    stage_tile<D, N>(queries, p.q + head.query(first), p.lq - first, stride);
    stage_tile<D, N>(d_outs, g.d_out + head.query(first), p.lq - first, stride);
    stage_bias(bias, head, place.first - first);
    const int thread = static_cast<int>(threadIdx.x);
    if (thread < N) {
      const bool inside = first + thread < p.lq;
      log_sum[thread] = inside ? g.log_sum[head.index * p.lq + first + thread] : 0.0f;
      delta[thread] = inside ? g.delta[head.index * p.lq + first + thread] : 0.0f;
    }
    __syncthreads();
    float prob[N / 8][4], d_s[N / 8][4];
    fused_row_products<D, N>(prob, keys, queries);
    fused_row_products<D, N>(d_s, values, d_outs);
    SeenBy seen[2];
#pragma unroll
    for (int x = 0; x < 2; ++x) {
      const int j = warp_first + lane_id() / 4 + 8 * x;
      seen[x] = {p.causal ? j - first : 0, j < head.keys ? p.lq - first : 0};
    }
    key_gradients<N>(prob, d_s, {log_sum, delta, bias}, p.bias != nullptr, seen, dropout, first,
                     warp_first);
    fused_column_products<D, N>(v_sums, prob, d_outs);
    fused_column_products<D, N>(k_sums, d_s, queries);
  }
  __syncthreads();
  store_tile<D>(d_k + start, p.lk - place.first, stride, k_sums, {1.0f, 1.0f}, queries);
  store_tile<D>(d_v + start, p.lk - place.first, stride, v_sums, {1.0f, 1.0f}, queries);
}

}  // namespace sy
