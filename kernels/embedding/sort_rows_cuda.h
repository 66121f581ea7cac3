// SPDX-License-Identifier: Apache-2.0
// Sorts rows by id, keeping rows with the same id in order. Each key combines an id and its row, so
// no two keys are equal and the order is unique whatever the algorithm.
#pragma once

#include <utility>

#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"
#include "lib/tensor/tensor.h"

namespace sy {

constexpr int kSortTile = 1024;  // keys that a block sorts in shared memory
constexpr int kSortThreads = kSortTile / 2;
constexpr int kSortFan = 16;  // sorted runs merged into one at a time

// Ids are compared as unsigned numbers, so negative ones come last, like those beyond the table.
__device__ inline uint64_t key_of(int32_t id, int32_t first_id, int64_t row) {
  const uint32_t place = static_cast<uint32_t>(id) - static_cast<uint32_t>(first_id);
  return uint64_t{place} << 32 | static_cast<uint64_t>(row);
}
__device__ inline uint32_t id_of(uint64_t key) {
  return static_cast<uint32_t>(key >> 32);
}
__device__ inline uint32_t row_of(uint64_t key) {
  return static_cast<uint32_t>(key);
}

// tiles[t * tile ...] = the sorted keys of rows [t * tile, (t + 1) * tile), one tile per block, by
// Batcher's bitonic network over a power of two, in shared memory. Traffic: 12 bytes per row (the
// minimum).
static __global__ void __launch_bounds__(kSortThreads)
    sort_tiles_kernel(uint64_t* tiles, const int32_t* ids, int32_t first_id, int64_t rows,
                      int tile) {
  uint64_t* keys = reinterpret_cast<uint64_t*>(shared_memory());
  const int64_t first = int64_t{blockIdx.x} * tile;
  const int thread = static_cast<int>(threadIdx.x), threads = tile / 2;
  for (int i = thread; i < tile; i += threads) {
    keys[i] = first + i < rows ? key_of(ids[first + i], first_id, first + i) : ~uint64_t{0};
  }
  for (int size = 2; size <= tile; size *= 2) {
    for (int stride = size / 2; stride > 0; stride /= 2) {
      __syncthreads();
      const int i = 2 * thread - (thread & (stride - 1)), j = i + stride;
      const bool upwards = (i & size) == 0;
      const uint64_t low = keys[i], high = keys[j];
      if ((low > high) == upwards) {
        keys[i] = high;
        keys[j] = low;
      }
    }
  }
  __syncthreads();
  for (int i = thread; i < tile && first + i < rows; i += threads) tiles[first + i] = keys[i];
}

// The number of keys smaller than `key` among `count` ascending keys.
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

// Merges every kSortFan sorted runs of `run` keys in `from` into one in `to`: a key's position is
// the number of smaller keys, summed over runs. One key per thread. Traffic: 16 bytes per row (the
// minimum), plus searches of kSortFan runs in the caches, 10 to 14 steps each.
static __global__ void merge_runs_kernel(uint64_t* to, const uint64_t* from, int64_t rows,
                                         int64_t run) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= rows) return;
  const uint64_t key = from[i];
  const int64_t own = i / run * run, begin = i / (run * kSortFan) * (run * kSortFan);
  int64_t place = begin + i - own;
  for (int64_t other = begin; other < begin + run * kSortFan && other < rows; other += run) {
    if (other == own) continue;
    place += smaller_keys(from + other, other + run < rows ? run : rows - other, key);
  }
  to[place] = key;
}

// Returns the half of `scratch`, int32 [2, 2 * rows], that holds the sorted keys of ids int32
// [rows], counted from first_id; rows > 0.
inline const uint64_t* sort_rows(Exec& exec, Tensor scratch, Tensor ids, int32_t first_id) {
  const int64_t rows = ids.numel();
  auto* sorted = static_cast<uint64_t*>(scratch.at(0).raw());
  auto* other = static_cast<uint64_t*>(scratch.at(1).raw());
  int tile = 2 * kWarp;
  while (tile < rows && tile < kSortTile) tile *= 2;
  launch(cuda(exec).compute, "sort_tiles",
         {.grid = narrow<unsigned>(ceil_div(rows, int64_t{tile})),
          .block = static_cast<unsigned>(tile / 2),
          .shared_bytes = static_cast<size_t>(tile) * sizeof(uint64_t)},
         sort_tiles_kernel, sorted, ids.data<int32_t>(), first_id, rows, tile);
  for (int64_t run = tile; run < rows; run *= kSortFan) {
    launch(cuda(exec).compute, "merge_runs",
           {.grid = narrow<unsigned>(ceil_div(rows, int64_t{128})), .block = 128},
           merge_runs_kernel, other, sorted, rows, run);
    std::swap(sorted, other);
  }
  return sorted;
}

}  // namespace sy
