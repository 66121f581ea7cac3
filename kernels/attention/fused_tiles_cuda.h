// SPDX-License-Identifier: Apache-2.0
// Building blocks of attention's tensor-core kernels. Four warps own 64 rows (queries or keys), 16
// each, which stay in registers as operands; the other side passes through shared memory in tiles.
// Scores, weights and their gradients exist only in registers: a warp's row products are laid out
// as the left operand of the next product (mma.h).
#pragma once

#include "kernels/attention/mask_cuda.h"
#include "kernels/cuda/async_copy.h"
#include "kernels/cuda/mma.h"

namespace sy {

constexpr int kFusedThreads = 128;
constexpr int kFusedRows = 16;  // per warp

// Elements from one row of a tile to the next; chosen so that 16 bytes of each of eight rows lie in
// different banks.
template <int D>
constexpr int kTileStride = D + 8;

// Rows per passing tile when shared memory holds two tiles, one in use and one being copied. At
// width 128 half as many, so that two tiles of each of two operands fit.
template <int D>
constexpr int kPassing = D > 64 ? 32 : 64;

// The head and the rows that a block handles. `reversed` puts the last tile first, which has the
// most work in causal attention.
struct FusedPlace {
  unsigned head;
  int tile, first;

  __device__ FusedPlace(int tiles, bool reversed) {
    const int x = static_cast<int>(blockIdx.x % static_cast<unsigned>(tiles));
    head = blockIdx.x / static_cast<unsigned>(tiles);
    tile = reversed ? tiles - 1 - x : x;
    first = tile * kAttentionTile;
  }
};

// Starts copying N rows, `stride` apart, to tile [N, D]; rows from `count` on become zero.
template <int D, int N>
__device__ void stage_tile(BFloat16* tile, const BFloat16* from, int count, int64_t stride) {
  constexpr int kPacks = D / 8, kStep = kFusedThreads / kPacks;  // rows copied at a time
  const int first = static_cast<int>(threadIdx.x) / kPacks;
  const int column = static_cast<int>(threadIdx.x) % kPacks * 8;
  from += first * stride + column;
  tile += first * kTileStride<D> + column;
#pragma unroll
  for (int row = 0; row < N; row += kStep) {
    copy_async<16>(tile + row * kTileStride<D>, from, first + row < count);
    from += kStep * stride;
  }
}

// Likewise the bias of key - query = distance + x - 63; a pair of tiles has 127 such distances.
__device__ inline void stage_bias(float* tile, const AttentionHead<BFloat16>& head, int distance) {
  if (head.p.bias == nullptr) return;
  const int x = static_cast<int>(threadIdx.x), places = head.p.lq + head.p.lk - 1;
  const int place = distance + x - (kAttentionTile - 1) + head.p.lq - 1;
  copy_async<4>(tile + x, head.p.bias + int64_t{head.head} * places + place,
                place >= 0 && place < places);
}

// Likewise N numbers.
template <int N>
__device__ void stage_numbers(float* tile, const float* from, int count) {
  const int x = static_cast<int>(threadIdx.x);
  if (x < N) copy_async<4>(tile + x, from + x, x < count);
}

// Waits until all copies that the block started are complete and every thread has reached this
// point.
__device__ inline void wait_for_tiles() {
  wait_for_copies();
  __syncthreads();
}

// Loads the warp's 16 rows of a tile as left operands.
template <int D>
__device__ void load_rows(uint32_t (&rows)[D / 16][4], const BFloat16* tile) {
  const BFloat16* row = tile + (kFusedRows * warp_id() + lane_id() % 16) * kTileStride<D>;
#pragma unroll
  for (int k = 0; k < D / 16; ++k) load_matrices(rows[k], row + 16 * k + lane_id() / 16 * 8);
}

// s = the warp's rows times the tile's rows, transposed: s[n][2 x + y] is for row g + 8 x and tile
// row 8 n + 2 t + y.
template <int D, int N>
__device__ void fused_row_products(float (&s)[N / 8][4], const uint32_t (&rows)[D / 16][4],
                                   const BFloat16* tile) {
  const int lane = lane_id();
  const BFloat16* at = tile + (lane / 16 * 8 + lane % 8) * kTileStride<D> + lane / 8 % 2 * 8;
#pragma unroll
  for (int n = 0; n < N / 8; n += 2) {
#pragma unroll
    for (int i = 0; i < 4; ++i) s[n][i] = s[n + 1][i] = 0;
#pragma unroll
    for (int k = 0; k < D / 16; ++k) {
      uint32_t other[4];
      load_matrices(other, at + 8 * n * kTileStride<D> + 16 * k);
      mma_m16n8k16(s[n], rows[k], other[0], other[1]);
      mma_m16n8k16(s[n + 1], rows[k], other[2], other[3]);
    }
  }
}

// sums += weights, laid out like s above and rounded to bfloat16, times the tile's N rows.
template <int D, int N>
__device__ void fused_column_products(float (&sums)[D / 8][4], const float (&weights)[N / 8][4],
                                      const BFloat16* tile) {
  const BFloat16* at = tile + lane_id() % 16 * kTileStride<D> + lane_id() / 16 * 8;
#pragma unroll
  for (int k = 0; k < N / 16; ++k) {
    const float(&lower)[4] = weights[2 * k], (&upper)[4] = weights[2 * k + 1];
    const uint32_t left[4] = {bfloat16_pair(lower[0], lower[1]), bfloat16_pair(lower[2], lower[3]),
                              bfloat16_pair(upper[0], upper[1]), bfloat16_pair(upper[2], upper[3])};
#pragma unroll
    for (int n = 0; n < D / 8; n += 2) {
      uint32_t other[4];
      load_matrices_transposed(other, at + 16 * k * kTileStride<D> + 8 * n);
      mma_m16n8k16(sums[n], left, other[0], other[1]);
      mma_m16n8k16(sums[n + 1], left, other[2], other[3]);
    }
  }
}

// Stores the warp's rows of a result, through its own 16 rows of a tile that is no longer used.
// Rows from `count` on are not written.
template <int D>
__device__ void store_tile(BFloat16* to, int count, int64_t stride, const float (&sums)[D / 8][4],
                           const float (&factor)[2], BFloat16* tile) {
  const int lane = lane_id(), first = kFusedRows * warp_id();
#pragma unroll
  for (int n = 0; n < D / 8; ++n) {
#pragma unroll
    for (int x = 0; x < 2; ++x) {
      BFloat16* at = tile + (first + lane / 4 + 8 * x) * kTileStride<D> + 8 * n + lane % 4 * 2;
      put_pair(at, sums[n][2 * x] * factor[x], sums[n][2 * x + 1] * factor[x]);
    }
  }
  __syncwarp();
  constexpr int kPacks = D / 8;
  for (int x = lane; x < kFusedRows * kPacks; x += kWarp) {
    const int row = first + x / kPacks, column = x % kPacks * 8;
    const auto pack = load_word<Pack<BFloat16>>(tile + row * kTileStride<D> + column);
    if (row < count) store_word(to + row * stride + column, pack);
  }
  __syncwarp();
}

}  // namespace sy
