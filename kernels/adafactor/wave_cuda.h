// A wave of Adafactor's items as kernels take it: by value, so that there is no table to send to
// the device. A launch's blocks are dealt out among the items in order.
#pragma once

#include "kernels/adafactor/adafactor.h"
#include "kernels/cuda/device.h"

namespace sy {

constexpr int kWaveItems = static_cast<int>(kAdafactorItems);

// The blocks of a launch: item i has those from first[i] on, as far as the next item's.
struct WaveBlocks {
  unsigned first[kWaveItems];
  unsigned total = 0;

  void add(int item, int64_t blocks) {
    first[item] = total;
    total = narrow<unsigned>(total + blocks);
  }

  // The last of `count` items that begins at or before `block`.
  __device__ int item_of(unsigned block, int count) const {
    int low = 0, high = count;  // first[low] <= block, and where there is a `high` it begins later
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

// What a tile adds up to, and, in the last place, the factor of the whole matrix's update.
struct AdafactorTotals {
  double value_squares, update_squares, factor;
};
static_assert(sizeof(AdafactorTotals) == kAdafactorTotals * sizeof(double));

// An item with its scratch, as AdafactorTiling has it: columns [batch, blocks + 1, m], rows
// [batch, chunks + 1, n], totals [batch, tiles + 1].
template <class T>
struct AdafactorBatch {
  T *value, *row, *col;
  const T* grad;
  T *columns, *rows;
  AdafactorTotals* totals;
  int64_t n, m, blocks, chunks;
  bool packed;  // rows begin at multiples of 16 bytes

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
  WaveBlocks tiles, factors, matrices;  // of launches with a block a tile, 32 factors, a matrix
  int count = 0;
  const double* clip;
  AdafactorStep step;
};
static_assert(sizeof(AdafactorWave<float>) <= 4096);  // of a kernel's arguments, on any device

}  // namespace sy
