// Grouped products on tensor cores: bfloat16 factors whose widths are whole octets, sums in
// float32. A block of 256 threads and 48 KiB makes a tile of 128 x 128: 2 * 128 * 128 k operations
// from 4 * 128 k bytes, of which all but the first time come from the L2 cache.
#pragma once

#include "kernels/gemm/grouped_rows.h"
#include "kernels/gemm/grouped_store.h"

namespace sy {

template <bool kTransposed, class Out>
__global__ void __launch_bounds__(kGroupedThreads, 2)
    grouped_rows_kernel(const GroupedProblem<BFloat16, Out> p) {
  const RowsTile<kGroupedTile> tile(p.table, p.n);
  if (!tile.there) return;
  Out* c = p.c + int64_t{tile.row} * p.n + tile.col;
  const int cols = p.n - tile.col;
  if (tile.is_behind(p.table)) {
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
