// Adafactor's step on a batch of vectors, in two passes.
#pragma once

#include <cmath>

#include "kernels/adafactor_rule.h"
#include "kernels/clip_factor.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"

namespace sy {

constexpr int kVectorThreads = 256;

// A batch of vectors, `parts` blocks each; totals [batch, parts, 2].
template <class T>
struct AdafactorVectors {
  T *value, *second;
  const T* grad;
  double* totals;
  const double* clip;
  int64_t n, parts;
  AdafactorStep step;
};

// The second moment, and a block's sums of squares of value and update. Bytes: grad, value and
// second once, second back.
template <class T>
__global__ void adafactor_second_kernel(const AdafactorVectors<T> all) {
  const double clip = clip_factor(all.clip);
  if (clip == 0) return;
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int64_t e = blockIdx.x / all.parts, part = blockIdx.x % all.parts;
  const T scale = static_cast<T>(clip), epsilon = static_cast<T>(all.step.epsilon);
  const T decay = static_cast<T>(all.step.decay), rest = static_cast<T>(1.0 - all.step.decay);
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
    all.totals[int64_t{blockIdx.x} * 2] = value_squares;
    all.totals[int64_t{blockIdx.x} * 2 + 1] = update_squares;
  }
}

// Every warp adds up its vector's totals for itself. Bytes: grad, second and value once, value
// back.
template <class T>
__global__ void adafactor_vector_kernel(const AdafactorVectors<T> all) {
  const double clip = clip_factor(all.clip);
  if (clip == 0) return;
  const int64_t e = blockIdx.x / all.parts, part = blockIdx.x % all.parts;
  double value_squares = 0, update_squares = 0;
  for (int64_t p = lane_id(); p < all.parts; p += kWarp) {
    value_squares += all.totals[(e * all.parts + p) * 2];
    update_squares += all.totals[(e * all.parts + p) * 2 + 1];
  }
  const T rate = static_cast<T>(adafactor_rate(
      all.step, warp_sum(value_squares), warp_sum(update_squares), static_cast<double>(all.n)));
  const T scale = static_cast<T>(clip);
  const T shrink = static_cast<T>(1.0 - all.step.learning_rate * all.step.weight_decay);
  for (int64_t i = part * kVectorThreads + threadIdx.x; i < all.n;
       i += all.parts * kVectorThreads) {
    const int64_t at = e * all.n + i;
    const T update = all.grad[at] * scale / std::sqrt(all.second[at]);
    all.value[at] = all.value[at] * shrink - rate * update;
  }
}

}  // namespace sy
