// What the plain kernels of attention, for any dtype and width, are made of. A thread owns a row (a
// query or a key) of the block's 64 and meets the others sixteen at a time; nothing is exchanged
// between threads but what they stage in shared memory. Columns are taken 32 at a time, so that any
// width fits; a block makes 32 columns of its result and computes its scores anew for each.
#pragma once

#include "kernels/attention/problem_cuda.h"
#include "kernels/cuda/map.h"

namespace sy {

constexpr int kPlainRows = kAttentionTile;  // threads of a block
constexpr int kPlainOthers = 16;
constexpr int kPlainColumns = 32;

// A block's shared memory.
template <class C>
struct PlainTiles {
  static constexpr int kOwnStride = kPlainColumns + 1;   // odd: a row a thread, without conflicts
  static constexpr int kOtherStride = kPlainOthers + 4;  // columns first, still aligned
  alignas(16) C own[kPlainRows * kOwnStride];            // [row, column]
  alignas(16) C others[kPlainColumns * kOtherStride];    // [column, other]
  alignas(16) C columns[kPlainOthers * kPlainColumns];   // [other, column]
  alignas(16) C gradient[kPlainRows * (kPlainOthers + 1)];  // of scores, for the bias
};

// Which head, rows and columns of the result a block has.
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

// Rows [0, count) of a matrix `stride` apart; what lies beyond them reads as zero.
template <class T>
struct Rows {
  const T* first;
  int count;
  int64_t stride;

  __device__ Compute<T> at(int row, int column) const {
    return row < count ? Compute<T>(first[row * stride + column]) : Compute<T>(0);
  }
};

// Columns first .. of all rows, into shared memory: a warp a row.
template <class T, class Put>
__device__ void stage_rows(const Rows<T>& rows, int row_count, int first, int end, Put put_at) {
  const int column = lane_id();
  for (int row = warp_id(); row < row_count; row += kPlainRows / kWarp) {
    put_at(row, column, first + column < end ? rows.at(row, first + column) : Compute<T>(0));
  }
}

// s[x] = the thread's row of `own` . row x of `others`, over d columns.
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

// sums[c] += sum_x weights[x] * row x of `others`, column first + c.
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

// Columns first .. of the thread's row of the result.
template <class T>
__device__ void store_columns(T* row, const Compute<T> (&sums)[kPlainColumns], int first, int d,
                              Compute<T> factor) {
#pragma unroll
  for (int c = 0; c < kPlainColumns; ++c) {
    if (first + c < d) put(row[first + c], sums[c] * factor);
  }
}

// Dropout's factor of p(i, j).
template <class T>
__device__ Compute<T> dropout_factor(const AttentionHead<T>& head, int i, int j) {
  const float rate = head.p.dropout_rate;
  if (rate == 0) return 1;
  const float uniform =
      random_uniform(head.p.dropout_key, head.words(i) + static_cast<uint64_t>(j));
  return uniform >= rate ? head.kept() : Compute<T>(0);
}

}  // namespace sy
