// SPDX-License-Identifier: Apache-2.0
// Adafactor's passes over a wave of sharded matrices. A warp handles a row, and a block 32 columns
// or one matrix. Every kernel reads the clip scalars first and changes nothing if the update is to
// be skipped.
#pragma once

#include <cmath>

#include "kernels/adafactor/shard_wave_cuda.h"
#include "kernels/adafactor/step_size.h"
#include "kernels/cuda/reduce.h"
#include "kernels/grad_clip/grad_clip.h"

namespace sy {

constexpr int kShardThreads = 256;
constexpr int kShardWarps = kShardThreads / kWarp;

// The warp's row of a wave whose blocks each handle kShardWarps rows; e < 0: none.
template <class T>
struct ShardRow {
  const ShardItem<T>& item;
  int64_t e, i;

  __device__ explicit ShardRow(const ShardWave<T>& wave)
      : item(wave.items[wave.blocks.item_of(blockIdx.x, wave.count)]) {
    const int number = wave.blocks.item_of(blockIdx.x, wave.count);
    const int64_t each = (item.n + kShardWarps - 1) / kShardWarps;
    const int64_t block = blockIdx.x - wave.blocks.first[number];
    e = block / each;
    i = block % each * kShardWarps + warp_id();
  }
  __device__ bool exists() const { return i < item.n; }
  __device__ int64_t first() const { return (e * item.n + i) * item.m; }
};

// Phase 1 along rows: sums of g^2 + epsilon and of value^2; row moments where rows are sharded; the
// unfactored second moments. Traffic: reads grad and value once (the minimum), and without factors
// reads and writes the second moments once.
template <class T>
__global__ void shard_rows_kernel(const ShardWave<T> wave) {
  const double clip = clip_factor(wave.clip);
  if (clip == 0) return;
  const ShardRow<T> row(wave);
  if (!row.exists()) return;
  const ShardItem<T>& item = row.item;
  const T scale = static_cast<T>(clip), epsilon = static_cast<T>(wave.step.epsilon);
  const T decay = static_cast<T>(wave.step.decay), rest = static_cast<T>(1.0 - wave.step.decay);
  double values = 0, squares = 0;
  for (int64_t j = lane_id(); j < item.m; j += kWarp) {
    const int64_t at = row.first() + j;
    const T gradient = item.grad[at] * scale, square = gradient * gradient + epsilon;
    values += static_cast<double>(item.value[at] * item.value[at]);
    if (item.factored) {
      squares += static_cast<double>(square);
      continue;
    }
    const T second = decay * item.second[at] + rest * square;
    item.second[at] = second;
    const T update = gradient / std::sqrt(second);
    squares += static_cast<double>(update * update);
  }
  values = warp_sum(values);
  squares = warp_sum(squares);
  if (lane_id() != 0) return;
  double* numbers = item.numbers_of(row.e, row.i);
  numbers[0] = values;
  numbers[1] = item.factored ? 0.0 : squares;
  if (!item.factored) return;
  if (!item.by_rows) {
    item.sums_of(row.e)[row.i] = squares;
    return;
  }
  T& moment = item.row[row.e * item.n + row.i];
  moment = next_moment(wave.step, moment, squares, item.whole_m());
  numbers[1] = static_cast<double>(moment);
}

// Phase 1 along columns of factored matrices: sums where rows are sharded, else moments. Traffic:
// reads grad once.
template <class T>
__global__ void shard_columns_kernel(const ShardWave<T> wave) {
  const double clip = clip_factor(wave.clip);
  if (clip == 0) return;
  double* shared = reinterpret_cast<double*>(shared_memory());
  const int number = wave.blocks.item_of(blockIdx.x, wave.count);
  const ShardItem<T>& item = wave.items[number];
  const int64_t each = (item.m + kWarp - 1) / kWarp;
  const int64_t block = blockIdx.x - wave.blocks.first[number], e = block / each;
  const int64_t j = block % each * kWarp + lane_id();
  const T scale = static_cast<T>(clip), epsilon = static_cast<T>(wave.step.epsilon);
  double total = 0;
  for (int64_t i = warp_id(); i < item.n && j < item.m; i += kShardWarps) {
    const T gradient = item.grad[(e * item.n + i) * item.m + j] * scale;
    total += static_cast<double>(gradient * gradient + epsilon);
  }
  total = sum_over_warps(total, shared);
  if (warp_id() != 0 || j >= item.m) return;
  if (item.by_rows) {
    item.sums_of(e)[j] = total;
  } else {
    T& moment = item.col[e * item.m + j];
    moment = next_moment(wave.step, moment, total, item.whole_n());
  }
}

// One block per matrix: adds the rows' numbers, in phase 1 to its last two sums, in phase 2 to its
// update.
template <class T>
__global__ void shard_fold_kernel(const ShardWave<T> wave, bool update) {
  if (clip_factor(wave.clip) == 0) return;
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int number = wave.blocks.item_of(blockIdx.x, wave.count);
  const ShardItem<T>& item = wave.items[number];
  const int64_t e = blockIdx.x - wave.blocks.first[number];
  double first = 0, second = 0;
  for (int64_t i = threadIdx.x; i < item.n; i += kShardThreads) {
    first += item.numbers_of(e, i)[0];
    second += item.numbers_of(e, i)[1];
  }
  first = block_sum(first, slots);
  second = block_sum(second, slots);
  if (threadIdx.x != 0) return;
  if (update) {
    item.updates[e] = first;
  } else {
    item.sums_of(e)[item.lines] = first;
    item.sums_of(e)[item.lines + 1] = second;
  }
}

// Phase 2, one block per factored matrix: the moments of the side that is whole here and, where
// columns are sharded, the sum of the row moments.
template <class T>
__global__ void shard_moments_kernel(const ShardWave<T> wave) {
  if (clip_factor(wave.clip) == 0) return;
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int number = wave.blocks.item_of(blockIdx.x, wave.count);
  const ShardItem<T>& item = wave.items[number];
  const int64_t e = blockIdx.x - wave.blocks.first[number];
  const int64_t others = item.by_rows ? item.whole_n() : item.whole_m();
  T* moments = item.by_rows ? item.col + e * item.m : item.row + e * item.n;
  double* sums = item.sums_of(e);
  double total = 0;
  for (int64_t i = threadIdx.x; i < item.lines; i += kShardThreads) {
    moments[i] = next_moment(wave.step, moments[i], sums[i], others);
    total += static_cast<double>(moments[i]);
  }
  total = block_sum(total, slots);
  if (threadIdx.x == 0 && !item.by_rows) sums[item.lines + 1] = total;
}

// The factor of row i of the update: clip / sqrt(row_i / mean(row)).
template <class T>
__device__ double row_root(const ShardRow<T>& row, double clip) {
  const double moment = static_cast<double>(row.item.row[row.e * row.item.n + row.i]);
  return clip / std::sqrt(moment / row.item.row_mean(row.e));
}

// Phase 2: the sum of squares of a row's update. Traffic: reads grad once (the minimum).
template <class T>
__global__ void shard_update_kernel(const ShardWave<T> wave) {
  const double clip = clip_factor(wave.clip);
  if (clip == 0) return;
  const ShardRow<T> row(wave);
  if (!row.exists()) return;
  const ShardItem<T>& item = row.item;
  double total = 0;
  for (int64_t j = lane_id(); j < item.m; j += kWarp) {
    const T update = item.grad[row.first() + j] * (T(1) / std::sqrt(item.col[row.e * item.m + j]));
    total += static_cast<double>(update * update);
  }
  total = warp_sum(total);
  if (lane_id() != 0) return;
  const double root = row_root(row, clip);
  double* numbers = item.numbers_of(row.e, row.i);
  numbers[0] = total * root * root;
  numbers[1] = 0;
}

// Phase 3: writes the updated values and their rounded copies. Traffic: reads grad and value once,
// writes value and the copy once (the minimum), and without factors reads the second moments once.
template <class T>
__global__ void shard_write_kernel(const ShardWave<T> wave) {
  const double clip = clip_factor(wave.clip);
  if (clip == 0) return;
  const ShardRow<T> row(wave);
  if (!row.exists()) return;
  const ShardItem<T>& item = row.item;
  const double* sums = item.sums_of(row.e);
  const double count = static_cast<double>(item.whole_n()) * static_cast<double>(item.whole_m());
  const double squares = item.factored ? item.updates[row.e] : sums[item.lines + 1];
  const double rate = adafactor_rate(wave.step, sums[item.lines], squares, count);
  const T shrink = static_cast<T>(1.0 - wave.step.learning_rate * wave.step.weight_decay);
  const T scale = static_cast<T>(item.factored ? rate * row_root(row, clip) : rate * clip);
  for (int64_t j = lane_id(); j < item.m; j += kWarp) {
    const int64_t at = row.first() + j;
    const T moment = item.factored ? item.col[row.e * item.m + j] : item.second[at];
    const T value = item.value[at] * shrink - scale * (item.grad[at] * (T(1) / std::sqrt(moment)));
    item.value[at] = value;
    if (item.rounded != nullptr) item.rounded[at] = BFloat16(static_cast<float>(value));
  }
}

}  // namespace sy
