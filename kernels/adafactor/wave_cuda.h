// SPDX-License-Identifier: Apache-2.0
// A wave of Adafactor items as the kernels take it: by value, so that no table has to be copied to
// the device. A launch's blocks are assigned to the items in order.
#pragma once

#include "kernels/adafactor/adafactor.h"
#include "kernels/cuda/device.h"
#include "lib/tensor/bfloat16.h"

namespace sy {

constexpr int kWaveItems = static_cast<int>(kAdafactorItems);

// The blocks of one launch: item i has those from first[i] up to the next item's first.
struct WaveBlocks {
  unsigned first[kWaveItems];
  unsigned total = 0;

  void add(int item, int64_t blocks) {
    first[item] = total;
    total = narrow<unsigned>(total + blocks);
  }

  // The last of `count` items whose first block is at or before `block`.
  __device__ int item_of(unsigned block, int count) const {
    int low = 0, high = count;  // first[low] <= block; item `high`, if there is one, begins later
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      if (first[middle] <= block) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }
};

// Sums over a tile; the last entry instead holds the factor of the whole matrix's update.
struct AdafactorTotals {
  double value_squares, update_squares, factor;
};
static_assert(sizeof(AdafactorTotals) == kAdafactorTotals * sizeof(double));

// One item with its scratch, laid out as AdafactorTiling defines: columns [batch, blocks + 1, m],
// rows [batch, chunks + 1, n], totals [batch, tiles + 1].
template <class T>
struct AdafactorBatch {
  T *value, *row, *col;
  const T* grad;
  BFloat16* rounded;  // or null
  T *columns, *rows;
  AdafactorTotals* totals;
  int64_t n, m, blocks, chunks;
  bool packed;  // rows are aligned to 16 bytes

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

template <class T>
struct AdafactorWave {
  AdafactorBatch<T> items[kWaveItems];
  WaveBlocks tiles, factors, matrices;  // one block per tile, per 32 factors, per matrix
  int count = 0;
  const double* clip;
  AdafactorStep step;
};
// The limit for kernel arguments on any device.
static_assert(sizeof(AdafactorWave<float>) <= 4096);

}  // namespace sy
