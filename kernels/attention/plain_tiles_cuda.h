// SPDX-License-Identifier: Apache-2.0
// Building blocks of attention's plain kernels, for any dtype and head width. Each thread owns one
// of the block's 64 rows (a query or a key) and processes the other side 16 rows at a time; threads
// exchange data only by staging it in shared memory. Columns are processed 32 at a time, so any
// width fits. A block computes 32 columns of its result and recomputes its scores for each such
// group.
#pragma once

#include "kernels/attention/mask_cuda.h"
#include "kernels/cuda/map.h"

namespace sy {

constexpr int kPlainRows = kAttentionTile;  // threads per block
constexpr int kPlainOthers = 16;
constexpr int kPlainColumns = 32;

// A block's shared memory.
template <class C>
struct PlainTiles {
  // Odd: one row per thread without bank conflicts.
  static constexpr int kOwnStride = kPlainColumns + 1;
  static constexpr int kOtherStride = kPlainOthers + 4;  // column-major, still aligned
  alignas(16) C own[kPlainRows * kOwnStride];            // [row, column]
  alignas(16) C others[kPlainColumns * kOtherStride];    // [column, other]
  alignas(16) C columns[kPlainOthers * kPlainColumns];   // [other, column]
  // Of the scores, for the bias's gradient.
  alignas(16) C gradient[kPlainRows * (kPlainOthers + 1)];
};

// The head, rows and columns of the result that a block computes.
struct PlainPlace {
  unsigned head;
  int first_row, first_column;

  __device__ PlainPlace(int tiles, int d) {
    const auto parts = static_cast<unsigned>((d + kPlainColumns - 1) / kPlainColumns);
    const unsigned tile = blockIdx.x / parts % static_cast<unsigned>(tiles);
    head = blockIdx.x / parts / static_cast<unsigned>(tiles);
    first_row = static_cast<int>(tile) * kPlainRows;
    first_column = static_cast<int>(blockIdx.x % parts) * kPlainColumns;
  }
};

// Rows [0, count) of a matrix, `stride` apart; rows beyond them read as zero.
template <class T>
struct Rows {
  const T* first;
  int count;
  int64_t stride;

  __device__ Compute<T> at(int row, int column) const {
    return row < count ? Compute<T>(first[row * stride + column]) : Compute<T>(0);
  }
};

// Stages columns from `first` of all rows in shared memory, one row per warp.
template <class T, class Put>
__device__ void stage_rows(const Rows<T>& rows, int row_count, int first, int end, Put put_at) {
  const int column = lane_id();
  for (int row = warp_id(); row < row_count; row += kPlainRows / kWarp) {
    put_at(row, column, first + column < end ? rows.at(row, first + column) : Compute<T>(0));
  }
}

// s[x] = the dot product of the thread's row of `own` and row x of `others`, over d columns.
template <class T>
__device__ void row_products(Compute<T> (&s)[kPlainOthers], const Rows<T>& own,
                             const Rows<T>& others, int d, PlainTiles<Compute<T>>& tiles) {
  using C = Compute<T>;
  using Tiles = PlainTiles<C>;
#pragma unroll
  for (int x = 0; x < kPlainOthers; ++x) s[x] = 0;
  for (int first = 0; first < d; first += kPlainColumns) {
    __syncthreads();
    stage_rows(own, kPlainRows, first, d, [&](int row, int column, C value) {
      tiles.own[row * Tiles::kOwnStride + column] = value;
    });
    stage_rows(others, kPlainOthers, first, d, [&](int row, int column, C value) {
      tiles.others[column * Tiles::kOtherStride + row] = value;
    });
    __syncthreads();
    const int columns = d - first < kPlainColumns ? d - first : kPlainColumns;
    for (int c = 0; c < columns; ++c) {
      const C mine = tiles.own[static_cast<int>(threadIdx.x) * Tiles::kOwnStride + c];
      C other[kPlainOthers];
      load_packs(other, tiles.others + c * Tiles::kOtherStride);
#pragma unroll
      for (int x = 0; x < kPlainOthers; ++x) s[x] += mine * other[x];
    }
  }
}

// sums[c] += sum_x weights[x] * others[x, first + c].
template <class T>
__device__ void column_products(Compute<T> (&sums)[kPlainColumns],
                                const Compute<T> (&weights)[kPlainOthers], const Rows<T>& others,
                                int first, int d, PlainTiles<Compute<T>>& tiles) {
  using C = Compute<T>;
  __syncthreads();
  stage_rows(others, kPlainOthers, first, d, [&](int row, int column, C value) {
    tiles.columns[row * kPlainColumns + column] = value;
  });
  __syncthreads();
#pragma unroll
  for (int x = 0; x < kPlainOthers; ++x) {
#pragma unroll
    for (int c = 0; c < kPlainColumns; c += 4) {
      C value[4];
      load_packs(value, tiles.columns + x * kPlainColumns + c);
#pragma unroll
      for (int i = 0; i < 4; ++i) sums[c + i] += weights[x] * value[i];
    }
  }
}

// Stores columns from `first` of the thread's row of the result.
template <class T>
__device__ void store_columns(T* row, const Compute<T> (&sums)[kPlainColumns], int first, int d,
                              Compute<T> factor) {
#pragma unroll
  for (int c = 0; c < kPlainColumns; ++c) {
    if (first + c < d) put(row[first + c], sums[c] * factor);
  }
}

// The dropout factor of p(i, j).
template <class T>
__device__ Compute<T> dropout_factor(const AttentionHead<T>& head, int i, int j) {
  const float rate = head.p.dropout_rate;
  if (rate == 0) return 1;
  const float uniform =
      random_uniform(head.p.dropout_key, head.words(i) + static_cast<uint64_t>(j));
  return uniform >= rate ? head.kept() : Compute<T>(0);
}

}  // namespace sy
