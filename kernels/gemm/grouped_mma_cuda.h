// SPDX-License-Identifier: Apache-2.0
// Grouped GEMMs on tensor cores: bfloat16 operands whose widths are multiples of 8, with sums in
// float32. A block of 256 threads and 48 KiB of shared memory computes a tile of 128 x 128: 2 * 128
// * 128 k operations from 4 * 128 k bytes, all but the first read of which come from the L2 cache.
#pragma once

#include "kernels/gemm/grouped_mma_tiles_cuda.h"
#include "kernels/gemm/grouped_rows_cuda.h"

namespace sy {

struct StoreOptions {
  bool accumulate, relu;
};

// Transposes words [i] among four adjacent lanes: afterwards lane t has word t of lanes 0, 1, 2, 3.
__device__ inline void transpose_quad(uint32_t (&words)[4]) {
  const int t = lane_id() % 4;
#pragma unroll
  for (int i = 0; i < 4; i += 2) {
    const uint32_t got = __shfl_xor_sync(kFullWarp, t % 2 != 0 ? words[i] : words[i + 1], 1);
    if (t % 2 != 0) {
      words[i] = got;
    } else {
      words[i + 1] = got;
    }
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const uint32_t got = __shfl_xor_sync(kFullWarp, t >= 2 ? words[i] : words[i + 2], 2);
    if (t >= 2) {
      words[i] = got;
    } else {
      words[i + 2] = got;
    }
  }
}

// Stores one row of the warp's part, two sums in each of four groups of 8 columns. `row` points to
// the part's first column; `cols` of its columns exist, a multiple of 8.
__device__ inline void store_row(float* row, bool exists, int cols, const float (&sums)[4][2],
                                 const StoreOptions& options) {
  const int t = lane_id() % 4;
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    if (!exists || 8 * n >= cols) continue;
    float* to = row + 8 * n + 2 * t;
    float2 value{sums[n][0], sums[n][1]};
    if (options.accumulate) {
      const auto before = load_word<float2>(to);
      value.x += before.x;
      value.y += before.y;
    }
    if (options.relu) value = {fmaxf(value.x, 0.0f), fmaxf(value.y, 0.0f)};
    store_word(to, value);
  }
}

// Likewise, rounded once; each lane writes 16 bytes.
__device__ inline void store_row(BFloat16* row, bool exists, int cols, const float (&sums)[4][2],
                                 const StoreOptions& options) {
  const int t = lane_id() % 4;
  uint32_t words[4];
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    float lower = sums[n][0], upper = sums[n][1];
    if (options.accumulate && exists && 8 * n < cols) {
      lower += row[8 * n + 2 * t];
      upper += row[8 * n + 2 * t + 1];
    }
    if (options.relu) {
      lower = fmaxf(lower, 0.0f);
      upper = fmaxf(upper, 0.0f);
    }
    words[n] = bfloat16_pair(lower, upper);
  }
  transpose_quad(words);
  __syncwarp();  // what a lane overwrites, others have read
  if (!exists || 8 * t >= cols) return;
  Pack<BFloat16> pack;
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    pack.value[2 * n].bits = static_cast<uint16_t>(words[n]);
    pack.value[2 * n + 1].bits = static_cast<uint16_t>(words[n] >> 16);
  }
  store_word(row + 8 * t, pack);
}

// Stores the block's tile at c, whose rows are `stride` apart; `rows` and `cols` exist, with cols a
// multiple of 8.
template <class Out>
__device__ void store_tile_sums(Out* c, int64_t stride, int rows, int cols, const GroupedSums& sums,
                                const StoreOptions& options) {
#pragma unroll
  for (int m = 0; m < kWarpRows / 16; ++m) {
#pragma unroll
    for (int x = 0; x < 2; ++x) {
      const int row = warp_row() + 16 * m + lane_id() / 4 + 8 * x;
      float here[4][2];
#pragma unroll
      for (int n = 0; n < 4; ++n) {
        here[n][0] = sums[m][n][2 * x];
        here[n][1] = sums[m][n][2 * x + 1];
      }
      store_row(c + row * stride + warp_col(), row < rows, cols - warp_col(), here, options);
    }
  }
}

template <bool kTransposed, class Out>
__global__ void __launch_bounds__(kGroupedThreads, 2)
    grouped_rows_kernel(const GroupedProblem<BFloat16, Out> p) {
  const RowsTile<kGroupedTile> tile(p.table, p.n);
  if (!tile.exists) return;
  Out* c = p.c + int64_t{tile.row} * p.n + tile.col;
  const int cols = p.n - tile.col;
  if (tile.is_past_groups(p.table)) {
    if (!p.accumulate) clear_tile<kGroupedTile>(c, p.n, tile.rows, cols);
    return;
  }
  const TileFactor left{p.a + int64_t{tile.row} * p.k, p.k, tile.rows, p.k};
  const BFloat16* b = p.b + int64_t{tile.group} * p.k * p.n;
  const TileFactor right = kTransposed ? TileFactor{b + int64_t{tile.col} * p.k, p.k, cols, p.k}
                                       : TileFactor{b + tile.col, p.n, cols, p.k};
  GroupedSums sums;
  multiply_tile<true, kTransposed>(sums, left, right);
  store_tile_sums(c, p.n, tile.rows, cols, sums, {p.accumulate, p.relu});
}

static __global__ void __launch_bounds__(kGroupedThreads, 2)
    grouped_weights_kernel(const GroupedProblem<BFloat16, float> p) {
  const WeightsTile<kGroupedTile> tile(p.k, p.n);
  const int rows = p.table.count(tile.group);
  if (rows == 0) return;
  const int64_t first = p.table.first_row[tile.group];
  const int lines = p.k - tile.row, cols = p.n - tile.col;
  const TileFactor left{p.a + first * p.k + tile.row, p.k, lines, rows};
  const TileFactor right{p.b + first * p.n + tile.col, p.n, cols, rows};
  GroupedSums sums;
  multiply_tile<false, false>(sums, left, right);
  float* c = p.c + (int64_t{tile.group} * p.k + tile.row) * p.n + tile.col;
  store_tile_sums(c, p.n, lines, cols, sums, {true, p.relu});
}

}  // namespace sy
