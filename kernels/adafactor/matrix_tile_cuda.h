// SPDX-License-Identifier: Apache-2.0
// How Adafactor tiles matrices: into tiles of kAdafactorRows x kAdafactorCols. Each block handles
// one tile; its warps take the rows in turn, and each lane kLaneColumns adjacent columns. The
// tiles' results are added in tile order, so a matrix's step is bit-identical whatever else is in
// the wave.
#pragma once

#include "kernels/adafactor/wave_cuda.h"
#include "kernels/cuda/map.h"

namespace sy {

constexpr int kTileThreads = 256;
constexpr int kTileWarps = kTileThreads / kWarp;
constexpr int kTileCols = static_cast<int>(kAdafactorCols);
constexpr int kLaneColumns = 4;
constexpr int kRowsAtOnce = 4;  // rows that a warp has in flight
constexpr int kRowBatches = static_cast<int>(kAdafactorRows) / kTileWarps / kRowsAtOnce;
static_assert(kTileCols == kLaneColumns * kWarp);
static_assert(kRowBatches * kRowsAtOnce * kTileWarps == kAdafactorRows);

// Tile number `tile` among those of all of an item's matrices, and this thread's part of it.
template <class T>
struct AdafactorTile {
  const AdafactorBatch<T>& all;
  int64_t e, number, block, chunk;
  int64_t first_row, col;
  int width;  // this lane's columns that lie within the matrix

  __device__ AdafactorTile(const AdafactorBatch<T>& item, unsigned tile) : all(item) {
    e = tile / all.tiles();
    number = tile % all.tiles();
    block = number / all.chunks;
    chunk = number % all.chunks;
    first_row = block * kAdafactorRows + warp_id();
    col = chunk * kAdafactorCols + lane_id() * kLaneColumns;
    const int64_t left = all.m - col;
    width = static_cast<int>(left < 0 ? 0 : left < kLaneColumns ? left : kLaneColumns);
  }

  // Row i of a warp's batch; there are kRowBatches batches of kRowsAtOnce rows.
  __device__ int64_t row(int batch, int i) const {
    return first_row + int64_t{batch * kRowsAtOnce + i} * kTileWarps;
  }
  __device__ int64_t place(int64_t row) const { return (e * all.n + row) * all.m + col; }
  __device__ bool whole_lane() const { return all.packed && width == kLaneColumns; }

  // Loads this lane's columns of a batch of rows; zeros outside the matrix.
  __device__ void load(T (&to)[kRowsAtOnce][kLaneColumns], const T* from, int batch) const {
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      const bool inside = row(batch, i) < all.n;
      const T* at = from + place(row(batch, i));
      if (inside && whole_lane()) {
        load_packs(to[i], at);
        continue;
      }
#pragma unroll
      for (int j = 0; j < kLaneColumns; ++j) to[i][j] = inside && j < width ? at[j] : T(0);
    }
  }

  __device__ void store(T* to, const T (&from)[kLaneColumns], int64_t row) const {
    if (whole_lane()) return store_packs(to + place(row), from);
#pragma unroll
    for (int j = 0; j < kLaneColumns; ++j) {
      if (j < width) to[place(row) + j] = from[j];
    }
  }

  __device__ void store_rounded(BFloat16* to, const T (&from)[kLaneColumns], int64_t row) const {
    struct alignas(kLaneColumns * sizeof(BFloat16)) Columns {
      BFloat16 value[kLaneColumns];
    } columns;
#pragma unroll
    for (int j = 0; j < kLaneColumns; ++j) put(columns.value[j], static_cast<float>(from[j]));
    to += place(row);
    if (whole_lane()) {
      *reinterpret_cast<Columns*>(to) = columns;
      return;
    }
#pragma unroll
    for (int j = 0; j < kLaneColumns; ++j) {
      if (j < width) to[j] = columns.value[j];
    }
  }

  // Loads this lane's columns of a row that all rows share.
  __device__ void load_shared(T (&to)[kLaneColumns], const T* from) const {
#pragma unroll
    for (int j = 0; j < kLaneColumns; ++j) to[j] = j < width ? from[col + j] : T(0);
  }
};

}  // namespace sy
