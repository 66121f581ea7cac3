// SPDX-License-Identifier: Apache-2.0
// Adafactor's passes over a wave of matrices. Each kernel reads the clip scalars first and changes
// nothing if the update is to be skipped.
#pragma once

#include <cmath>

#include "kernels/adafactor/matrix_tile_cuda.h"
#include "kernels/adafactor/step_size.h"
#include "kernels/cuda/reduce.h"
#include "kernels/grad_clip/grad_clip.h"

namespace sy {

constexpr int kFactorThreads = 1024;

// Adds the warps' column sums of a tile, in order of the warps.
template <class T>
__device__ void add_columns(const AdafactorTile<T>& tile, const T (&mine)[kLaneColumns],
                            T* shared) {
#pragma unroll
  for (int j = 0; j < kLaneColumns; ++j) {
    shared[warp_id() * kTileCols + lane_id() * kLaneColumns + j] = mine[j];
  }
  __syncthreads();
  const int c = static_cast<int>(threadIdx.x);
  const int64_t col = tile.chunk * kAdafactorCols + c;
  if (c >= kTileCols || col >= tile.all.m) return;
  T total = shared[c];
  for (int w = 1; w < kTileWarps; ++w) total += shared[w * kTileCols + c];
  tile.all.column_sums(tile.e)[tile.block * tile.all.m + col] = total;
}

// Pass 1: a tile's sums of g^2 + epsilon along rows and columns, and of value^2. Traffic: reads
// grad and value once (the minimum); the sums are a 64th and a 128th of a matrix.
template <class T>
__global__ void adafactor_sums_kernel(const AdafactorWave<T> wave) {
  const double factor = clip_factor(wave.clip);
  if (factor == 0) return;
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int item = wave.tiles.item_of(blockIdx.x, wave.count);
  const AdafactorBatch<T>& all = wave.items[item];
  const AdafactorTile<T> tile(all, blockIdx.x - wave.tiles.first[item]);
  const T scale = static_cast<T>(factor), epsilon = static_cast<T>(wave.step.epsilon);
  T* row_sums = all.row_sums(tile.e) + tile.chunk * all.n;
  T down[kLaneColumns] = {}, squares = 0;
  for (int batch = 0; batch < kRowBatches; ++batch) {
    T g[kRowsAtOnce][kLaneColumns], w[kRowsAtOnce][kLaneColumns];
    tile.load(g, all.grad, batch);
    tile.load(w, all.value, batch);
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      const int64_t row = tile.row(batch, i);
      T along = 0;
#pragma unroll
      for (int j = 0; j < kLaneColumns; ++j) {
        const bool inside = row < all.n && j < tile.width;
        const T gradient = g[i][j] * scale;
        const T square = inside ? gradient * gradient + epsilon : T(0);
        along += square;
        down[j] += square;
        squares += w[i][j] * w[i][j];
      }
      along = warp_sum(along);
      if (lane_id() == 0 && row < all.n) row_sums[row] = along;
    }
  }
  const double value_squares = block_sum(static_cast<double>(squares), slots);
  if (threadIdx.x == 0) all.of_tile(tile.e, tile.number).value_squares = value_squares;
  add_columns(tile, down, reinterpret_cast<T*>(slots + kWarp));
}

// Updates 32 factors of one side of a matrix, one per lane: mean squares from `parts` rows of sums,
// then the factors' reciprocal square roots into the row after those.
template <class T>
__device__ void update_factors(T* factor, T* sums, int64_t first, int64_t count, int64_t parts,
                               int64_t others, double decay, double* shared) {
  const int64_t i = first + lane_id();
  double total = 0;
  for (int64_t p = warp_id(); p < parts && i < count; p += kTileWarps) {
    total += static_cast<double>(sums[p * count + i]);
  }
  shared[threadIdx.x] = total;
  __syncthreads();
  if (warp_id() != 0 || i >= count) return;
  for (int w = 1; w < kTileWarps; ++w) total += shared[w * kWarp + lane_id()];
  const T now = static_cast<T>(decay * static_cast<double>(factor[i]) +
                               (1.0 - decay) * total / static_cast<double>(others));
  factor[i] = now;
  sums[parts * count + i] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(now)));
}

// After pass 1: a block handles 32 rows or, after all row blocks of its matrix, 32 columns.
template <class T>
__global__ void adafactor_factors_kernel(const AdafactorWave<T> wave) {
  if (clip_factor(wave.clip) == 0) return;
  double* shared = reinterpret_cast<double*>(shared_memory());
  const int item = wave.factors.item_of(blockIdx.x, wave.count);
  const AdafactorBatch<T>& all = wave.items[item];
  const unsigned block = blockIdx.x - wave.factors.first[item];
  const int64_t of_rows = (all.n + kWarp - 1) / kWarp, of_columns = (all.m + kWarp - 1) / kWarp;
  const int64_t e = block / (of_rows + of_columns), i = block % (of_rows + of_columns);
  if (i < of_rows) {
    update_factors(all.row + e * all.n, all.row_sums(e), i * kWarp, all.n, all.chunks, all.m,
                   wave.step.decay, shared);
  } else {
    update_factors(all.col + e * all.m, all.column_sums(e), (i - of_rows) * kWarp, all.m,
                   all.blocks, all.n, wave.step.decay, shared);
  }
}

// Pass 2: a tile's sum of squares of the update, without the factor that is constant for the whole
// matrix. Traffic: reads grad once, the minimum for a sum that depends on the updated factors.
template <class T>
__global__ void adafactor_update_kernel(const AdafactorWave<T> wave) {
  if (clip_factor(wave.clip) == 0) return;
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int item = wave.tiles.item_of(blockIdx.x, wave.count);
  const AdafactorBatch<T>& all = wave.items[item];
  const AdafactorTile<T> tile(all, blockIdx.x - wave.tiles.first[item]);
  const T* row_roots = all.row_roots(tile.e);
  T root[kLaneColumns];
  tile.load_shared(root, all.column_roots(tile.e));
  double total = 0;
  for (int batch = 0; batch < kRowBatches; ++batch) {
    T g[kRowsAtOnce][kLaneColumns];
    tile.load(g, all.grad, batch);
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      const int64_t row = tile.row(batch, i);
      if (row >= all.n) continue;
      T squares = 0;
#pragma unroll
      for (int j = 0; j < kLaneColumns; ++j) squares += (g[i][j] * root[j]) * (g[i][j] * root[j]);
      const double of_row = static_cast<double>(row_roots[row]);
      total += static_cast<double>(squares) * of_row * of_row;
    }
  }
  total = block_sum(total, slots);
  if (threadIdx.x == 0) all.of_tile(tile.e, tile.number).update_squares = total;
}

// After pass 2, one block per matrix: the factor by which row_root_i g_ij col_root_j is multiplied
// before it is subtracted from value_ij. It combines the rate, the gradient's factor and the square
// root of the rows' mean.
template <class T>
__global__ void __launch_bounds__(kFactorThreads)
    adafactor_factor_kernel(const AdafactorWave<T> wave) {
  const double clip = clip_factor(wave.clip);
  if (clip == 0) return;
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int item = wave.matrices.item_of(blockIdx.x, wave.count);
  const AdafactorBatch<T>& all = wave.items[item];
  const int64_t e = blockIdx.x - wave.matrices.first[item];
  double rows = 0, value_squares = 0, update_squares = 0;
  for (int64_t i = threadIdx.x; i < all.n; i += kFactorThreads) {
    rows += static_cast<double>(all.row[e * all.n + i]);
  }
  for (int64_t i = threadIdx.x; i < all.tiles(); i += kFactorThreads) {
    value_squares += all.of_tile(e, i).value_squares;
    update_squares += all.of_tile(e, i).update_squares;
  }
  const double mean = block_sum(rows, slots) / static_cast<double>(all.n);
  value_squares = block_sum(value_squares, slots);
  update_squares = block_sum(update_squares, slots) * clip * clip * mean;
  const double count = static_cast<double>(all.n) * static_cast<double>(all.m);
  if (threadIdx.x == 0) {
    all.whole(e).factor =
        adafactor_rate(wave.step, value_squares, update_squares, count) * clip * std::sqrt(mean);
  }
}

// Pass 3: writes the updated values and their rounded copies. Traffic: reads grad and value once,
// writes both once (the minimum).
template <class T>
__global__ void adafactor_write_kernel(const AdafactorWave<T> wave) {
  if (clip_factor(wave.clip) == 0) return;
  const int item = wave.tiles.item_of(blockIdx.x, wave.count);
  const AdafactorBatch<T>& all = wave.items[item];
  const AdafactorTile<T> tile(all, blockIdx.x - wave.tiles.first[item]);
  const double factor = all.whole(tile.e).factor;
  const T shrink = static_cast<T>(1.0 - wave.step.learning_rate * wave.step.weight_decay);
  const T* row_roots = all.row_roots(tile.e);
  T root[kLaneColumns];
  tile.load_shared(root, all.column_roots(tile.e));
  for (int batch = 0; batch < kRowBatches; ++batch) {
    T g[kRowsAtOnce][kLaneColumns], w[kRowsAtOnce][kLaneColumns];
    tile.load(g, all.grad, batch);
    tile.load(w, all.value, batch);
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      const int64_t row = tile.row(batch, i);
      if (row >= all.n) continue;
      const T scale = static_cast<T>(factor * static_cast<double>(row_roots[row]));
#pragma unroll
      for (int j = 0; j < kLaneColumns; ++j) {
        w[i][j] = w[i][j] * shrink - scale * (g[i][j] * root[j]);
      }
      tile.store(all.value, w[i], row);
      if (all.rounded != nullptr) tile.store_rounded(all.rounded, w[i], row);
    }
  }
}

}  // namespace sy
