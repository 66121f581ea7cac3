// Where the groups of a grouped product lie, and which part of which group a block computes.
#pragma once

#include "kernels/cuda/reduce.h"
#include "kernels/cuda/scan.h"
#include "lib/tensor/bfloat16.h"

namespace sy {

constexpr int kTableThreads = 256;

// Of groups 0 .. G - 1, then of the rows behind them, then of what is behind everything.
struct GroupTable {
  int32_t* first_row;   // [G + 2]
  int32_t* first_tile;  // [G + 2], counting tiles of some rows each
  int groups;

  __device__ int count(int group) const { return first_row[group + 1] - first_row[group]; }
};

// One block fills the table. Group g has the sum of counts[s * columns + g] over sources s.
static __global__ void __launch_bounds__(kTableThreads)
    group_table_kernel(GroupTable table, const int32_t* counts, int64_t columns, int sources,
                       int rows, int tile) {
  int* slots = reinterpret_cast<int*>(shared_memory());
  int row = 0, tiles = 0;
  for (int begin = 0; begin < table.groups; begin += kTableThreads) {
    const int g = begin + static_cast<int>(threadIdx.x);
    int count = 0, all_rows = 0, all_tiles = 0;
    for (int s = 0; s < sources && g < table.groups; ++s) count += counts[s * columns + g];
    const int rows_before = block_exclusive_sum(count, slots, &all_rows);
    const int tiles_before = block_exclusive_sum((count + tile - 1) / tile, slots, &all_tiles);
    if (g < table.groups) {
      table.first_row[g] = row + rows_before;
      table.first_tile[g] = tiles + tiles_before;
    }
    row += all_rows;
    tiles += all_tiles;
  }
  if (threadIdx.x != 0) return;
  table.first_row[table.groups] = row;
  table.first_tile[table.groups] = tiles;
  table.first_row[table.groups + 1] = rows;
  table.first_tile[table.groups + 1] = tiles + (rows - row + tile - 1) / tile;
}

// c, a and b of grouped_gemm.h; k and n are columns of a and of b's or c's matrices.
template <class T, class Out>
struct GroupedProblem {
  Out* c;
  const T *a, *b;
  GroupTable table;
  int k, n;
  bool transpose_b, accumulate, relu;
};

// A block's tile of a result whose rows are the groups': kTile x kTile from `row` of all rows and
// from `col`. Groups' tiles follow one another, those of the same rows first: they meet in the
// cache.
template <int kTile>
struct RowsTile {
  bool there;  // no tile for blocks behind the last one
  int group, row, rows, col;

  __device__ RowsTile(const GroupTable& table, int n) {
    const int columns = (n + kTile - 1) / kTile;
    const int tile = static_cast<int>(blockIdx.x) / columns;
    there = tile < table.first_tile[table.groups + 1];
    int low = 0, high = table.groups;  // the last one whose tiles begin at this one or before
    while (low < high) {
      const int middle = (low + high + 1) / 2;
      if (table.first_tile[middle] <= tile) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    group = low;
    const int inside = (tile - table.first_tile[group]) * kTile;
    row = table.first_row[group] + inside;
    rows = table.count(group) - inside;
    col = static_cast<int>(blockIdx.x) % columns * kTile;
  }
  // Rows of no group.
  __device__ bool is_behind(const GroupTable& table) const { return group == table.groups; }
};

// The same of a result [G, k, n]: rows `row` of a group's matrix on.
template <int kTile>
struct WeightsTile {
  int group, row, col;

  __device__ WeightsTile(int k, int n) {
    const int columns = (n + kTile - 1) / kTile, lines = (k + kTile - 1) / kTile;
    const int tile = static_cast<int>(blockIdx.x) % (columns * lines);
    group = static_cast<int>(blockIdx.x) / (columns * lines);
    row = tile / columns * kTile;
    col = tile % columns * kTile;
  }
};

// Zeros in a tile of rows of no group.
template <int kTile, class Out>
__device__ void clear_tile(Out* c, int64_t stride, int rows, int cols) {
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kTile;
       i += static_cast<int>(blockDim.x)) {
    const int row = i / kTile, col = i % kTile;
    if (row < rows && col < cols) put(c[row * stride + col], 0);
  }
}

}  // namespace sy
