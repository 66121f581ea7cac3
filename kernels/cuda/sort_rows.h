// The order of rows by their ids, rows of one id in their own order: keys of an id and its row, so
// that no two are equal and the order is one whatever the sorting.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda_context.h"
#include "lib/tensor/tensor.h"

namespace sy {

constexpr int kSortTile = 4096;  // keys that a block sorts in shared memory
constexpr int kSortThreads = 1024;

// Ids as unsigned numbers: a negative one comes last.
__device__ inline uint64_t key_of(int32_t id, int64_t row) {
  return uint64_t{static_cast<uint32_t>(id)} << 32 | static_cast<uint64_t>(row);
}
__device__ inline uint32_t id_of(uint64_t key) {
  return static_cast<uint32_t>(key >> 32);
}
__device__ inline uint32_t row_of(uint64_t key) {
  return static_cast<uint32_t>(key);
}

// tiles[t * tile ...] = the sorted keys of rows [t * tile, (t + 1) * tile), a block a tile:
// Batcher's bitonic network over a power of two. Moves 12 bytes a row, the least; works in shared
// memory.
__global__ inline void __launch_bounds__(kSortThreads)
    sort_tiles_kernel(uint64_t* tiles, const int32_t* ids, int64_t rows, int tile) {
  uint64_t* keys = reinterpret_cast<uint64_t*>(shared_memory());
  const int64_t first = int64_t{blockIdx.x} * tile;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  for (int i = thread; i < tile; i += threads) {
    keys[i] = first + i < rows ? key_of(ids[first + i], first + i) : ~uint64_t{0};
  }
  for (int size = 2; size <= tile; size *= 2) {
    for (int stride = size / 2; stride > 0; stride /= 2) {
      __syncthreads();
      for (int pair = thread; pair < tile / 2; pair += threads) {
        const int i = 2 * pair - (pair & (stride - 1)), j = i + stride;
        const bool upwards = (i & size) == 0;
        const uint64_t low = keys[i], high = keys[j];
        if ((low > high) == upwards) {
          keys[i] = high;
          keys[j] = low;
        }
      }
    }
  }
  __syncthreads();
  for (int i = thread; i < tile && first + i < rows; i += threads) tiles[first + i] = keys[i];
}

// How many of `count` ascending keys are smaller than `key`.
__device__ inline int64_t smaller_keys(const uint64_t* keys, int64_t count, uint64_t key) {
  int64_t begin = 0, end = count;
  while (begin < end) {
    const int64_t middle = (begin + end) / 2;
    if (keys[middle] < key) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

// order = all tiles' keys, sorted: a key's place is the number of smaller keys, tile by tile. A
// thread a key. Moves 16 bytes a row, the least, and searches rows / tile lists in the caches.
__global__ inline void merge_tiles_kernel(uint64_t* order, const uint64_t* tiles, int64_t rows,
                                          int tile) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= rows) return;
  const uint64_t key = tiles[i];
  const int64_t own = i / tile * tile;
  int64_t place = i - own;
  for (int64_t first = 0; first < rows; first += tile) {
    if (first == own) continue;
    place += smaller_keys(tiles + first, first + tile < rows ? tile : rows - first, key);
  }
  order[place] = key;
}

// `scratch` int32 [2, 2 * rows]; returns the part of it that holds the sorted keys of ids int32
// [rows], rows > 0.
inline const uint64_t* sort_rows(Exec& exec, Tensor scratch, Tensor ids) {
  const int64_t rows = ids.numel();
  auto* tiles = static_cast<uint64_t*>(scratch.at(0).raw());
  auto* order = static_cast<uint64_t*>(scratch.at(1).raw());
  int tile = 2 * kWarp;
  while (tile < rows && tile < kSortTile) tile *= 2;
  launch(cuda(exec).compute, "sort_tiles",
         {.grid = narrow<unsigned>(ceil_div(rows, int64_t{tile})),
          .block = static_cast<unsigned>(tile / 2 < kSortThreads ? tile / 2 : kSortThreads),
          .shared_bytes = static_cast<size_t>(tile) * sizeof(uint64_t)},
         sort_tiles_kernel, tiles, ids.data<int32_t>(), rows, tile);
  if (rows <= tile) return tiles;
  launch(cuda(exec).compute, "merge_tiles",
         {.grid = narrow<unsigned>(ceil_div(rows, int64_t{256})), .block = 256}, merge_tiles_kernel,
         order, tiles, rows, tile);
  return order;
}

}  // namespace sy
