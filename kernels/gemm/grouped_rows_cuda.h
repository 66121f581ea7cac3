// SPDX-License-Identifier: Apache-2.0
// Where the groups of a grouped GEMM lie, and which part of which group a block computes.
#pragma once

#include "kernels/cuda/reduce.h"
#include "kernels/cuda/scan.h"
#include "lib/tensor/bfloat16.h"

namespace sy {

constexpr int kTableThreads = 256;

// Entries for groups 0 .. G - 1, then for the rows after them, then for the end.
struct GroupTable {
  int32_t* first_row;   // [G + 2]
  int32_t* first_tile;  // [G + 2], in tiles of a fixed number of rows
  int groups;

  __device__ int count(int group) const { return first_row[group + 1] - first_row[group]; }
};

// One block fills the table. The size of group g is the sum of counts[s * columns + g] over sources
// s.
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

// c, a and b as in grouped_gemm.h; k and n are the columns of a and of b's or c's matrices.
template <class T, class Out>
struct GroupedProblem {
  Out* c;
  const T *a, *b;
  GroupTable table;
  int k, n;
  bool transpose_b, accumulate, relu;
};

// A block's tile of a result whose rows are the groups': kTile x kTile, from `row` of all rows and
// from column `col`. The tiles of the groups follow one another, and tiles of the same rows are
// adjacent, so that they share cached data.
template <int kTile>
struct RowsTile {
  bool exists;  // false for blocks beyond the last tile
  int group, row, rows, col;

  __device__ RowsTile(const GroupTable& table, int n) {
    const int columns = (n + kTile - 1) / kTile;
    const int tile = static_cast<int>(blockIdx.x) / columns;
    exists = tile < table.first_tile[table.groups + 1];
    // Finds the last group whose tiles begin at or before this one.
    int low = 0, high = table.groups;
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
  // Whether the tile's rows belong to no group.
  __device__ bool is_past_groups(const GroupTable& table) const { return group == table.groups; }
};

// Likewise for a result [G, k, n]: rows from `row` of a group's matrix.
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

// Writes zeros to a tile of rows that belong to no group.
template <int kTile, class Out>
__device__ void clear_tile(Out* c, int64_t stride, int rows, int cols) {
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kTile;
       i += static_cast<int>(blockDim.x)) {
    const int row = i / kTile, col = i % kTile;
    if (row < rows && col < cols) put(c[row * stride + col], 0);
  }
}

}  // namespace sy
