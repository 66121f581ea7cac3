// SPDX-License-Identifier: Apache-2.0
// A wave of sharded matrices as Adafactor's kernels take it, by value (see wave_cuda.h).
#pragma once

#include "kernels/adafactor/adafactor_shard.h"
#include "kernels/adafactor/wave_cuda.h"

namespace sy {

constexpr int kShardItems = static_cast<int>(kAdafactorShards);
constexpr int kRowNumbers = 2;  // float64 per row of scratch

template <class T>
struct ShardItem {
  T *value, *row, *col, *second;
  BFloat16* rounded;  // or null
  const T* grad;
  double *sums, *updates;  // [batch, lines + 2], [batch]
  double* numbers;         // scratch [batch, n, kRowNumbers]
  int64_t n, m, shards, lines;
  bool by_rows, factored;

  __device__ int64_t whole_n() const { return by_rows ? n * shards : n; }
  __device__ int64_t whole_m() const { return by_rows ? m : m * shards; }
  __device__ double* sums_of(int64_t e) const { return sums + e * (lines + 2); }
  __device__ double* numbers_of(int64_t e, int64_t i) const {
    return numbers + (e * n + i) * kRowNumbers;
  }
  // Mean of the row moments of matrix e.
  __device__ double row_mean(int64_t e) const {
    return sums_of(e)[lines + 1] / static_cast<double>(whole_n());
  }
};

template <class T>
struct ShardWave {
  ShardItem<T> items[kShardItems];
  WaveBlocks blocks;  // of the launch at hand
  int count = 0;
  const double* clip;
  AdafactorStep step;
};
static_assert(sizeof(ShardWave<float>) <= 4096);
static_assert(kShardItems <= kWaveItems);

// A moment after a step, from the sum of squares of `count` elements.
template <class T>
__device__ T next_moment(const AdafactorStep& step, T moment, double squares, int64_t count) {
  return static_cast<T>(step.decay * static_cast<double>(moment) +
                        (1.0 - step.decay) * squares / static_cast<double>(count));
}

}  // namespace sy
