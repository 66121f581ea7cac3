// SPDX-License-Identifier: Apache-2.0
// Adafactor's step on a wave of vectors, in two passes.
#pragma once

#include <cmath>

#include "kernels/adafactor/step_size.h"
#include "kernels/adafactor/wave_cuda.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/grad_clip/grad_clip.h"

namespace sy {

constexpr int kVectorThreads = 256;

// One item: `parts` blocks for each vector; totals [batch, parts, 2].
template <class T>
struct AdafactorVectors {
  T *value, *second;
  const T* grad;
  BFloat16* rounded;  // or null
  double* totals;
  int64_t n, parts;
};

template <class T>
struct AdafactorVectorWave {
  AdafactorVectors<T> items[kWaveItems];
  WaveBlocks parts;
  int count = 0;
  const double* clip;
  AdafactorStep step;
};
static_assert(sizeof(AdafactorVectorWave<float>) <= 4096);

// Updates the second moment, and sums the squares of value and update per block. Traffic: reads
// grad, value and second once, writes second once.
template <class T>
__global__ void adafactor_second_kernel(const AdafactorVectorWave<T> wave) {
  const double clip = clip_factor(wave.clip);
  if (clip == 0) return;
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int item = wave.parts.item_of(blockIdx.x, wave.count);
  const AdafactorVectors<T>& all = wave.items[item];
  const int64_t block = blockIdx.x - wave.parts.first[item];
  const int64_t e = block / all.parts, part = block % all.parts;
  const T scale = static_cast<T>(clip), epsilon = static_cast<T>(wave.step.epsilon);
  const T decay = static_cast<T>(wave.step.decay), rest = static_cast<T>(1.0 - wave.step.decay);
  double value_squares = 0, update_squares = 0;
  for (int64_t i = part * kVectorThreads + threadIdx.x; i < all.n;
       i += all.parts * kVectorThreads) {
    const int64_t at = e * all.n + i;
    const T gradient = all.grad[at] * scale, value = all.value[at];
    const T second = decay * all.second[at] + rest * (gradient * gradient + epsilon);
    all.second[at] = second;
    const T update = gradient / std::sqrt(second);
    update_squares += static_cast<double>(update * update);
    value_squares += static_cast<double>(value * value);
  }
  value_squares = block_sum(value_squares, slots);
  update_squares = block_sum(update_squares, slots);
  if (threadIdx.x == 0) {
    all.totals[block * 2] = value_squares;
    all.totals[block * 2 + 1] = update_squares;
  }
}

// Writes the updated values; every warp sums its vector's totals itself. Traffic: reads grad,
// second and value once, writes value and its rounded copy once.
template <class T>
__global__ void adafactor_vector_kernel(const AdafactorVectorWave<T> wave) {
  const double clip = clip_factor(wave.clip);
  if (clip == 0) return;
  const int item = wave.parts.item_of(blockIdx.x, wave.count);
  const AdafactorVectors<T>& all = wave.items[item];
  const int64_t block = blockIdx.x - wave.parts.first[item];
  const int64_t e = block / all.parts, part = block % all.parts;
  double value_squares = 0, update_squares = 0;
  for (int64_t p = lane_id(); p < all.parts; p += kWarp) {
    value_squares += all.totals[(e * all.parts + p) * 2];
    update_squares += all.totals[(e * all.parts + p) * 2 + 1];
  }
  const T rate = static_cast<T>(adafactor_rate(
      wave.step, warp_sum(value_squares), warp_sum(update_squares), static_cast<double>(all.n)));
  const T scale = static_cast<T>(clip);
  const T shrink = static_cast<T>(1.0 - wave.step.learning_rate * wave.step.weight_decay);
  for (int64_t i = part * kVectorThreads + threadIdx.x; i < all.n;
       i += all.parts * kVectorThreads) {
    const int64_t at = e * all.n + i;
    const T update = all.grad[at] * scale / std::sqrt(all.second[at]);
    const T value = all.value[at] * shrink - rate * update;
    all.value[at] = value;
    if (all.rounded != nullptr) all.rounded[at] = BFloat16(static_cast<float>(value));
  }
}

}  // namespace sy
