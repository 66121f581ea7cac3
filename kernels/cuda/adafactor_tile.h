// How Adafactor cuts up a batch of matrices: into tiles of kAdafactorRows x kAdafactorCols. A block
// has a tile, its warps the rows in turn, a lane kLaneColumns columns side by side. What tiles
// leave is added up in their order, so a matrix's step is the same bits whatever else is in the
// batch.
#pragma once

#include "kernels/adafactor.h"
#include "kernels/cuda/map.h"

namespace sy {

constexpr int kTileThreads = 256;
constexpr int kTileWarps = kTileThreads / kWarp;
constexpr int kTileCols = static_cast<int>(kAdafactorCols);
constexpr int kLaneColumns = 4;
constexpr int kRowsAtOnce = 4;  // that a warp has on their way
constexpr int kRowBatches = static_cast<int>(kAdafactorRows) / kTileWarps / kRowsAtOnce;
static_assert(kTileCols == kLaneColumns * kWarp);
static_assert(kRowBatches * kRowsAtOnce * kTileWarps == kAdafactorRows);

// What a tile adds up to, and, in the last place, the factor of the whole matrix's update.
struct AdafactorTotals {
  double value_squares, update_squares, factor;
};
static_assert(sizeof(AdafactorTotals) == kAdafactorTotals * sizeof(double));

// A batch of matrices and the scratch that adafactor.h describes.
template <class T>
struct AdafactorBatch {
  T *value, *row, *col;
  const T* grad;
  T *columns, *rows;
  AdafactorTotals* totals;
  const double* clip;
  int64_t n, m, blocks, chunks;
  bool packed;  // rows begin at multiples of 16 bytes
  AdafactorStep step;

  __device__ int64_t tiles() const { return blocks * chunks; }
  __device__ T* column_sums(int64_t e) const { return columns + e * (blocks + 1) * m; }
  __device__ T* row_sums(int64_t e) const { return rows + e * (chunks + 1) * n; }
  __device__ const T* column_roots(int64_t e) const { return column_sums(e) + blocks * m; }
  __device__ const T* row_roots(int64_t e) const { return row_sums(e) + chunks * n; }
  __device__ AdafactorTotals& of_tile(int64_t e, int64_t tile) const {
    return totals[e * (tiles() + 1) + tile];
  }
  __device__ AdafactorTotals& whole(int64_t e) const { return of_tile(e, tiles()); }
};

// The block's tile of matrix e, and this thread's part of it.
template <class T>
struct AdafactorTile {
  const AdafactorBatch<T>& all;
  int64_t e, number, block, chunk;
  int64_t first_row, col;
  int width;  // columns of this lane that there are

  __device__ explicit AdafactorTile(const AdafactorBatch<T>& batch) : all(batch) {
    e = blockIdx.x / all.tiles();
    number = blockIdx.x % all.tiles();
    block = number / all.chunks;
    chunk = number % all.chunks;
    first_row = block * kAdafactorRows + warp_id();
    col = chunk * kAdafactorCols + lane_id() * kLaneColumns;
    const int64_t left = all.m - col;
    width = static_cast<int>(left < 0 ? 0 : left < kLaneColumns ? left : kLaneColumns);
  }

  // A warp's rows: kRowBatches times kRowsAtOnce of them.
  __device__ int64_t row(int batch, int i) const {
    return first_row + int64_t{batch * kRowsAtOnce + i} * kTileWarps;
  }
  __device__ int64_t place(int64_t row) const { return (e * all.n + row) * all.m + col; }
  __device__ bool whole_lane() const { return all.packed && width == kLaneColumns; }

  // This lane's columns of a batch of rows; zeros where there are none.
  __device__ void load(T (&to)[kRowsAtOnce][kLaneColumns], const T* from, int batch) const {
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      const bool there = row(batch, i) < all.n;
      const T* at = from + place(row(batch, i));
      if (there && whole_lane()) {
        load_packs(to[i], at);
        continue;
      }
#pragma unroll
      for (int j = 0; j < kLaneColumns; ++j) to[i][j] = there && j < width ? at[j] : T(0);
    }
  }

  __device__ void store(T* to, const T (&from)[kLaneColumns], int64_t row) const {
    if (whole_lane()) return store_packs(to + place(row), from);
#pragma unroll
    for (int j = 0; j < kLaneColumns; ++j) {
      if (j < width) to[place(row) + j] = from[j];
    }
  }

  // This lane's columns of what all rows share.
  __device__ void load_shared(T (&to)[kLaneColumns], const T* from) const {
#pragma unroll
    for (int j = 0; j < kLaneColumns; ++j) to[j] = j < width ? from[col + j] : T(0);
  }
};

}  // namespace sy
