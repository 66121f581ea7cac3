// SPDX-License-Identifier: Apache-2.0
// Grouped GEMMs without tensor cores, for any dtype and widths: 32 x 32 of the result per block.
#pragma once

#include "kernels/gemm/grouped_rows_cuda.h"
#include "lib/tensor/bfloat16.h"

namespace sy {

constexpr int kPlainTile = 32, kPlainThreads = 256, kPlainSums = 4;
constexpr int kPlainStride = kPlainTile + 1;  // puts rows of a tile in different banks

// One operand of a tile: the element of outer index i (a row or column of the result) and
// contraction index p is data[i * outer_stride + p * depth_stride].
template <class T>
struct PlainFactor {
  const T* data;
  int64_t outer_stride, depth_stride;
  int outer, depth;

  // Fills tile [kPlainTile, kPlainStride] from step `first` of the contraction on, with zeros where
  // nothing exists. Adjacent threads read adjacent memory.
  __device__ void stage(Compute<T>* tile, int first) const {
    for (int x = static_cast<int>(threadIdx.x); x < kPlainTile * kPlainTile; x += kPlainThreads) {
      const int fast = x % kPlainTile, slow = x / kPlainTile;
      const int i = depth_stride == 1 ? slow : fast, p = depth_stride == 1 ? fast : slow;
      const bool present = i < outer && first + p < depth;
      tile[i * kPlainStride + p] =
          present ? Compute<T>(data[i * outer_stride + (first + p) * depth_stride]) : Compute<T>(0);
    }
  }
};

// Computes sums of rows y, y + 8, y + 16, y + 24 and column x of the tile, in thread 32 y + x.
template <class T>
__device__ void multiply_plain(Compute<T> (&sums)[kPlainSums], const PlainFactor<T>& left,
                               const PlainFactor<T>& right) {
  auto* rows = reinterpret_cast<Compute<T>*>(shared_memory());
  Compute<T>* columns = rows + kPlainTile * kPlainStride;
  const int x = static_cast<int>(threadIdx.x) % kPlainTile;
  const int y = static_cast<int>(threadIdx.x) / kPlainTile;
  for (Compute<T>& sum : sums) sum = 0;
  for (int first = 0; first < left.depth; first += kPlainTile) {
    __syncthreads();  // the previous tiles have been read
    left.stage(rows, first);
    right.stage(columns, first);
    __syncthreads();
    for (int p = 0; p < kPlainTile; ++p) {
      const Compute<T> factor = columns[x * kPlainStride + p];
#pragma unroll
      for (int i = 0; i < kPlainSums; ++i) sums[i] += rows[(y + 8 * i) * kPlainStride + p] * factor;
    }
  }
}

template <class Out, class C>
__device__ void store_plain(Out* c, int64_t stride, int rows, int cols, const C (&sums)[kPlainSums],
                            bool accumulate, bool relu) {
  const int x = static_cast<int>(threadIdx.x) % kPlainTile;
  const int y = static_cast<int>(threadIdx.x) / kPlainTile;
#pragma unroll
  for (int i = 0; i < kPlainSums; ++i) {
    const int row = y + 8 * i;
    if (row >= rows || x >= cols) continue;
    Out& to = c[row * stride + x];
    C value = sums[i];
    if (accumulate) value += C(to);
    if (relu && value < 0) value = 0;
    put(to, value);
  }
}

template <class T, class Out>
__global__ void __launch_bounds__(kPlainThreads)
    grouped_rows_plain_kernel(const GroupedProblem<T, Out> p) {
  const RowsTile<kPlainTile> tile(p.table, p.n);
  if (!tile.exists) return;
  Out* c = p.c + int64_t{tile.row} * p.n + tile.col;
  const int cols = p.n - tile.col;
  if (tile.is_past_groups(p.table)) {
    if (!p.accumulate) clear_tile<kPlainTile>(c, p.n, tile.rows, cols);
    return;
  }
  const T* b = p.b + int64_t{tile.group} * p.k * p.n;
  const PlainFactor<T> left{p.a + int64_t{tile.row} * p.k, p.k, 1, tile.rows, p.k};
  const PlainFactor<T> right = p.transpose_b
                                   ? PlainFactor<T>{b + int64_t{tile.col} * p.k, p.k, 1, cols, p.k}
                                   : PlainFactor<T>{b + tile.col, 1, p.n, cols, p.k};
  Compute<T> sums[kPlainSums];
  multiply_plain<T>(sums, left, right);
  store_plain(c, p.n, tile.rows, cols, sums, p.accumulate, p.relu);
}

template <class T, class Out>
__global__ void __launch_bounds__(kPlainThreads)
    grouped_weights_plain_kernel(const GroupedProblem<T, Out> p) {
  const WeightsTile<kPlainTile> tile(p.k, p.n);
  const int rows = p.table.count(tile.group);
  if (rows == 0) return;
  const int64_t first = p.table.first_row[tile.group];
  const int lines = p.k - tile.row, cols = p.n - tile.col;
  const PlainFactor<T> left{p.a + first * p.k + tile.row, 1, p.k, lines, rows};
  const PlainFactor<T> right{p.b + first * p.n + tile.col, 1, p.n, cols, rows};
  Compute<T> sums[kPlainSums];
  multiply_plain<T>(sums, left, right);
  store_plain(p.c + (int64_t{tile.group} * p.k + tile.row) * p.n + tile.col, p.n, lines, cols, sums,
              true, p.relu);
}

}  // namespace sy
