// SPDX-License-Identifier: Apache-2.0
// Building blocks of the tensor-core kernels of grouped GEMMs. 256 threads compute a tile of 128 x
// 128, 64 x 32 by each of eight warps, from operands that pass through shared memory in three
// stages of 32 along the contraction. An operand is stored as in global memory, in lines along the
// contraction or across it; its packs of eight elements are permuted within a line so that the
// eight lines that ldmatrix reads at once lie in different banks.
#pragma once

#include "kernels/cuda/async_copy.h"
#include "kernels/cuda/mma.h"

namespace sy {

constexpr int kGroupedThreads = 256, kGroupedTile = 128, kGroupedDepth = 32, kGroupedStages = 3;
constexpr int kOperandElements = kGroupedTile * kGroupedDepth;
constexpr size_t kGroupedShared = kGroupedStages * 2 * kOperandElements * sizeof(BFloat16);
constexpr int kWarpRows = 64, kWarpCols = 32;

// One operand of a tile: `outer` rows or columns of the result and `depth` elements along the
// contraction, as many as exist. `data` is the first element; it and every line are aligned to 16
// bytes. "Along" (kAlong): lines are rows or columns of the result, `stride` apart; otherwise lines
// are steps of the contraction.
struct TileFactor {
  const BFloat16* data;
  int64_t stride;
  int outer, depth;
};

// The offset of pack `pack` of a line in shared memory.
template <bool kAlong>
__device__ int pack_place(int line, int pack) {
  return kAlong ? line * kGroupedDepth + (pack ^ (line >> 1 & 3)) * 8
                : line * kGroupedTile + (pack ^ (line & 7)) * 8;
}

// Starts copying the operand from step `first` of the contraction on; missing elements become zero.
template <bool kAlong>
__device__ void stage_factor(BFloat16* to, const TileFactor& factor, int first) {
  constexpr int kPacks = (kAlong ? kGroupedDepth : kGroupedTile) / 8;  // packs per line
#pragma unroll
  for (int i = 0; i < kOperandElements / 8; i += kGroupedThreads) {
    const int x = i + static_cast<int>(threadIdx.x), line = x / kPacks, pack = x % kPacks;
    const int outer = kAlong ? line : 8 * pack, depth = first + (kAlong ? 8 * pack : line);
    const bool present = outer < factor.outer && depth < factor.depth;
    const int64_t place = kAlong ? line * factor.stride + depth : depth * factor.stride + 8 * pack;
    copy_async<16>(to + pack_place<kAlong>(line, pack), factor.data + (present ? place : 0),
                   present);
  }
}

// Loads 16 of the result's rows (kLeft) or columns from `outer`, and 16 steps of the contraction
// from `depth`: one operand a, or two consecutive operands b (mma.h).
template <bool kAlong, bool kLeft>
__device__ void load_factor(uint32_t (&words)[4], const BFloat16* tile, int outer, int depth) {
  const int matrix = lane_id() / 8, inside = lane_id() % 8;
  const int second_outer = kLeft ? matrix % 2 : matrix / 2;
  const int second_depth = kLeft ? matrix / 2 : matrix % 2;
  outer += 8 * second_outer;
  depth += 8 * second_depth;
  if constexpr (kAlong) {
    load_matrices(words, tile + pack_place<true>(outer + inside, depth / 8));
  } else {
    load_matrices_transposed(words, tile + pack_place<false>(depth + inside, outer / 8));
  }
}

// A warp's sums for rows 16 m + g and 16 m + g + 8 and columns 8 n + 2 t and 8 n + 2 t + 1 of its
// part.
using GroupedSums = float[kWarpRows / 16][kWarpCols / 8][4];

__device__ inline int warp_row() {
  return warp_id() / 4 * kWarpRows;
}
__device__ inline int warp_col() {
  return warp_id() % 4 * kWarpCols;
}

template <bool kLeftAlong, bool kRightAlong>
__device__ void add_stage(GroupedSums& sums, const BFloat16* left, const BFloat16* right) {
#pragma unroll
  for (int depth = 0; depth < kGroupedDepth; depth += 16) {
    uint32_t rows[kWarpRows / 16][4], columns[kWarpCols / 16][4];
#pragma unroll
    for (int m = 0; m < kWarpRows / 16; ++m) {
      load_factor<kLeftAlong, true>(rows[m], left, warp_row() + 16 * m, depth);
    }
#pragma unroll
    for (int n = 0; n < kWarpCols / 16; ++n) {
      load_factor<kRightAlong, false>(columns[n], right, warp_col() + 16 * n, depth);
    }
#pragma unroll
    for (int m = 0; m < kWarpRows / 16; ++m) {
#pragma unroll
      for (int n = 0; n < kWarpCols / 8; ++n) {
        const uint32_t(&pair)[4] = columns[n / 2];
        mma_m16n8k16(sums[m][n], rows[m], pair[n % 2 * 2], pair[n % 2 * 2 + 1]);
      }
    }
  }
}

// sums = left right, over the depth of both. All threads of the block must call together.
template <bool kLeftAlong, bool kRightAlong>
__device__ void multiply_tile(GroupedSums& sums, const TileFactor& left, const TileFactor& right) {
  auto* memory = reinterpret_cast<BFloat16*>(shared_memory());
  const int steps = (left.depth + kGroupedDepth - 1) / kGroupedDepth;
  const auto stage = [&](int step) {
    BFloat16* to = memory + step % kGroupedStages * (2 * kOperandElements);
    if (step < steps) {
      stage_factor<kLeftAlong>(to, left, step * kGroupedDepth);
      stage_factor<kRightAlong>(to + kOperandElements, right, step * kGroupedDepth);
    }
    end_copy_group();  // even if empty, because groups are counted
  };
#pragma unroll
  for (int m = 0; m < kWarpRows / 16; ++m) {
#pragma unroll
    for (int n = 0; n < kWarpCols / 8; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sums[m][n][i] = 0;
    }
  }
#pragma unroll
  for (int step = 0; step < kGroupedStages - 1; ++step) stage(step);
  for (int step = 0; step < steps; ++step) {
    wait_for_copy_groups<kGroupedStages - 2>();
    // All threads' copies are complete, and the stage to be overwritten has been read.
    __syncthreads();
    stage(step + kGroupedStages - 1);
    const BFloat16* at = memory + step % kGroupedStages * (2 * kOperandElements);
    add_stage<kLeftAlong, kRightAlong>(sums, at, at + kOperandElements);
  }
}

}  // namespace sy
