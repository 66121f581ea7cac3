// What the tensor-core kernels of grouped products are made of: 256 threads make a tile of 128 x
// 128, each of eight warps 64 x 32 of it, from operands that pass by in three stages of 32 along
// the sum. An operand lies in shared memory as it does in memory, in lines along the sum or across
// it, its packs of eight elements exchanged within a line so that the eight lines that ldmatrix
// reads at a time lie in different banks.
#pragma once

#include "kernels/cuda/async_copy.h"
#include "kernels/cuda/mma.h"

namespace sy {

constexpr int kGroupedThreads = 256, kGroupedTile = 128, kGroupedDepth = 32, kGroupedStages = 3;
constexpr int kOperandElements = kGroupedTile * kGroupedDepth;
constexpr size_t kGroupedShared = kGroupedStages * 2 * kOperandElements * sizeof(BFloat16);
constexpr int kWarpRows = 64, kWarpCols = 32;

// One factor of a tile: `outer` rows or columns of the result and `depth` to sum over, as many as
// there are; `data` is the first, aligned to 16 bytes, as each of its lines is. Along the sum:
// lines are of the result's rows or columns, `stride` apart; across it, of the sum.
struct TileFactor {
  const BFloat16* data;
  int64_t stride;
  int outer, depth;
};

// Place of pack `pack` of a line in shared memory.
template <bool kAlong>
__device__ int pack_place(int line, int pack) {
  return kAlong ? line * kGroupedDepth + (pack ^ (line >> 1 & 3)) * 8
                : line * kGroupedTile + (pack ^ (line & 7)) * 8;
}

// Begins to copy the factor from `first` of the sum on; what is not there becomes zero.
template <bool kAlong>
__device__ void stage_factor(BFloat16* to, const TileFactor& factor, int first) {
  constexpr int kPacks = (kAlong ? kGroupedDepth : kGroupedTile) / 8;  // of a line
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

// Sixteen of the result's rows (kLeft) or columns from `outer`, sixteen of the sum from `depth`: an
// operand a, or two operands b one after the other (mma.h).
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

// A warp's sums: of rows 16 m + g and 16 m + g + 8, columns 8 n + 2 t and the next, of its part.
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

// sums = left right, summed over the depth of both. All threads of the block call it together.
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
    end_copy_group();  // an empty one too: the stages are counted
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
    __syncthreads();  // everyone's copies; and nobody reads what is overwritten now
    stage(step + kGroupedStages - 1);
    const BFloat16* at = memory + step % kGroupedStages * (2 * kOperandElements);
    add_stage<kLeftAlong, kRightAlong>(sums, at, at + kOperandElements);
  }
}

}  // namespace sy
