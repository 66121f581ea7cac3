// SPDX-License-Identifier: Apache-2.0
// Attention backward on tensor cores, the kernel that owns queries: d_q, and the bias's gradient
// along diagonals.
#pragma once

#include <type_traits>

#include "kernels/attention/fused_forward_cuda.h"

namespace sy {

// Sums d_s along the diagonals of the tiles that a block of queries visits, from a first key on.
// Thread x sums half of a tile's wrapped diagonal c = x / 2, which has distance c before it wraps
// and c - 64 after. The wrapped part of the next tile has the same distance as the unwrapped part
// of this one.
class TileDiagonals {
 public:
  static constexpr int kStride = kAttentionTile + 8;  // puts a fragment's pairs in different banks

  __device__ explicit TileDiagonals(float* to) : to_(to) {}

  // Stores the lane's part of d_s, laid out like row products, into shared memory.
  static __device__ void stage(float* tile, const float (&d_s)[8][4]) {
    float* at = tile + (kFusedRows * warp_id() + lane_id() / 4) * kStride + lane_id() % 4 * 2;
#pragma unroll
    for (int n = 0; n < 8; ++n) {
#pragma unroll
      for (int x = 0; x < 4; ++x) at[x / 2 * 8 * kStride + 8 * n + x % 2] = d_s[n][x];
    }
  }

  // Zeros in places [from, end), which no tile of keys has.
  __device__ void clear(int from, int end) const {
    for (int x = from + static_cast<int>(threadIdx.x); x < end; x += kFusedThreads) to_[x] = 0;
  }

  // Adds the sums of the tile that begins at key `first`; each call is for the next tile.
  __device__ void add(const float* tile, int first) {
    const int c = static_cast<int>(threadIdx.x) / 2;
    float unwrapped = 0, wrapped = 0;
#pragma unroll 8  // full unrolling would keep its addresses in registers throughout
    for (int r = 0; r < kAttentionTile / 2; ++r) {
      const int row = r % 16 + r / 16 * 32 + half() * 16;  // the halves read different banks
      const float value = tile[row * kStride + (row + c) % kAttentionTile];
      const bool wraps = row + c >= kAttentionTile;
      wrapped += wraps ? value : 0.0f;
      unwrapped += wraps ? 0.0f : value;
    }
    put_sum(carried_ + wrapped, first);
    carried_ = unwrapped;
  }

  // Writes the remaining sums, where the next tile would begin at key `first`, and zeros from there
  // up to `end`.
  __device__ void finish(int first, int end) const {
    put_sum(carried_, first);
    clear(first + kAttentionTile, end);
  }

 private:
  __device__ int half() const {
    return static_cast<int>(threadIdx.x) % 2;
  }
  __device__ void put_sum(float sum, int first) const {
    sum += __shfl_xor_sync(kFullWarp, sum, 1);
    if (half() == 0) to_[first + static_cast<int>(threadIdx.x) / 2] = sum;
  }

  float* to_;
  float carried_ = 0;
};

// Loads the lane's two values of a row [lq]; 0 beyond its end.
__device__ inline void load_pair(float (&to)[2], const float* rows, const int (&i)[2], int lq) {
#pragma unroll
  for (int x = 0; x < 2; ++x) to[x] = i[x] < lq ? rows[i[x]] : 0.0f;
}

// On entry, d_s holds d_p; on return, the gradient of the scores s. Masked scores are -inf. In
// packed rows all factors are drawn before the first weight: it takes fewer registers.
template <class Mask, class Dropout>
__device__ void score_gradients(float (&d_s)[8][4], const float (&s)[8][4],
                                const float (&log_sum)[2], const float (&delta)[2],
                                const Dropout& dropout, int i, int j) {
  constexpr int kDrawn = Mask::kPacked ? 8 : 1;
#pragma unroll
  for (int from = 0; from < 8; from += kDrawn) {
#pragma unroll
    for (int n = from; n < from + kDrawn; ++n) {
      float factors[4] = {1, 1, 1, 1};
      dropout.of_queries(factors, i, j + 8 * n);
#pragma unroll
      for (int x = 0; x < 4; ++x) d_s[n][x] = factors[x] * d_s[n][x] - delta[x / 2];
    }
#pragma unroll
    for (int n = from; n < from + kDrawn; ++n) {
#pragma unroll
      for (int x = 0; x < 4; ++x) d_s[n][x] *= __expf(s[n][x] - log_sum[x / 2]);
    }
  }
}

// Shared memory. Where it fits, the next keys and values are copied while the block computes: keys
// into a second buffer, values into their own as soon as they have been read. At width 128 there is
// one buffer for keys, and values share theirs with the gradients whose diagonals are summed.
template <int D>
struct alignas(16) QueryTiles {
  static constexpr bool kAhead = D <= 64;
  static constexpr int kElements = kAttentionTile * kTileStride<D>;
  static constexpr int kGradients = kAttentionTile * TileDiagonals::kStride;
  struct Apart {
    BFloat16 values[kElements];
    float gradients[kGradients];
  };
  union Together {
    BFloat16 values[kElements];
    float gradients[kGradients];
  };

  BFloat16 keys[kAhead ? 2 : 1][kElements];
  float bias[2][kFusedThreads];
  std::conditional_t<kAhead, Apart, Together> other;
  // Of the block's queries, in packed rows: addresses in memory would take registers.
  SeenRange seen[kAttentionTile];

  // Start copying the tile of keys, or of values, that begins at `first`.
  __device__ void stage_keys(const AttentionHead<BFloat16>& head, int first, int end, int query) {
    const int turn = first / kAttentionTile % 2;
    stage_tile<D, 64>(keys[kAhead ? turn : 0], head.p.k + head.key(first), end - first,
                      head.stride());
    stage_bias(bias[turn], head, first - query);
  }
  __device__ void stage_values(const AttentionHead<BFloat16>& head, int first, int end) {
    stage_tile<D, 64>(other.values, head.p.v + head.key(first), end - first, head.stride());
  }
};

// One block: d_q of 64 queries of a head and, unless `diagonals` [.., tiles, places] is null, its
// sums along diagonals. Traffic: reads q and d_out once and k and v once per 64 queries, 2 L d (3 +
// 2 L / 64) bytes per head. 6 d operations per pair of query and key.
template <int D, class Dropout, class Mask>
__global__ void __launch_bounds__(kFusedThreads, D > 64 || Dropout::kDrops ? 2 : 3)
    fused_d_q_kernel(BFloat16* d_q, float* diagonals, AttentionProblem<BFloat16> p,
                     AttentionGradients<BFloat16> g) {
  auto& tiles = *reinterpret_cast<QueryTiles<D>*>(shared_memory());
  const FusedPlace place(attention_tiles(p.lq), p.causal);
  const AttentionHead<BFloat16> head(p, place.head);
  const Dropout dropout(head);
  const int64_t stride = head.stride(), start = head.query(place.first);
  const int warp_first = place.first + kFusedRows * warp_id();
  const SeenRange all = Mask::tile_keys(head, place.first);
  const int end = all.to;
  const int i[2] = {warp_first + lane_id() / 4, warp_first + lane_id() / 4 + 8};
  const int count = p.lq - place.first, places = diagonal_places(p.lk);
  TileDiagonals sums_of_diagonals(diagonals +
                                  (head.index * attention_tiles(p.lq) + place.tile) * places);
  if (diagonals != nullptr) sums_of_diagonals.clear(0, all.from);

  uint32_t queries[D / 16][4], d_outs[D / 16][4];
  if (Mask::kPacked && threadIdx.x < kAttentionTile) {
    tiles.seen[threadIdx.x] = Mask::keys(head, place.first + static_cast<int>(threadIdx.x));
  }
  stage_tile<D, 64>(tiles.keys[0], p.q + start, count, stride);
  stage_tile<D, 64>(tiles.other.values, g.d_out + start, count, stride);
  wait_for_tiles();
  load_rows<D>(queries, tiles.keys[0]);
  load_rows<D>(d_outs, tiles.other.values);
  __syncthreads();
  tiles.stage_keys(head, all.from, end, place.first);
  tiles.stage_values(head, all.from, end);
  float log_sum[2], delta[2];
  load_pair(log_sum, g.log_sum + head.index * p.lq, i, p.lq);
  load_pair(delta, g.delta + head.index * p.lq, i, p.lq);

  float sums[D / 8][4];
#pragma unroll
  for (int n = 0; n < D / 8; ++n) {
#pragma unroll
    for (int x = 0; x < 4; ++x) sums[n][x] = head.start;
  }
  constexpr bool kAhead = QueryTiles<D>::kAhead;
  int first = all.from;
  for (; first < end; first += kAttentionTile) {
    wait_for_tiles();
    const int turn = first / kAttentionTile % 2, next = first + kAttentionTile;
    const BFloat16* keys = tiles.keys[kAhead ? turn : 0];
    if (kAhead && next < end) tiles.stage_keys(head, next, end, place.first);
    float s[8][4], d_s[8][4];
    fused_row_products<D, 64>(s, queries, keys);
    fused_row_products<D, 64>(d_s, d_outs, tiles.other.values);
    SeenRange seen[2];
#pragma unroll
    for (int x = 0; x < 2; ++x) {
      const SeenRange all_seen =
          Mask::kPacked ? tiles.seen[i[x] - place.first] : Mask::keys(head, i[x]);
      seen[x] = all_seen.after(first);
    }
    finish_scores<64, Mask>(s, tiles.bias[turn], p.bias != nullptr, seen);
    score_gradients<Mask>(d_s, s, log_sum, delta, dropout, warp_first, first);
    if (!kAhead) __syncthreads();  // all threads have read the values
    if (diagonals != nullptr) TileDiagonals::stage(tiles.other.gradients, d_s);
    __syncthreads();
    if (kAhead && next < end) tiles.stage_values(head, next, end);
    if (diagonals != nullptr) sums_of_diagonals.add(tiles.other.gradients, first);
    fused_column_products<D, 64>(sums, d_s, keys);
    if (kAhead || next >= end) continue;
    __syncthreads();
    tiles.stage_keys(head, next, end, place.first);
    tiles.stage_values(head, next, end);
  }
  if (diagonals != nullptr) sums_of_diagonals.finish(first, places);
  wait_for_tiles();
  store_tile<D>(d_q + start, count, stride, sums, {1.0f, 1.0f}, tiles.keys[0]);
}

}  // namespace sy
