// SPDX-License-Identifier: Apache-2.0
// Passes of one block over a row of logits.
#pragma once

#include <algorithm>
#include <limits>

#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"

namespace sy {

constexpr int kRowThreads = 1024;

// Threads of a row's block: one per pack of V columns, up to the maximum block size.
template <int V>
inline unsigned threads_of(int64_t vocab) {
  const int64_t packs = std::max<int64_t>(1, ceil_div(vocab, V));
  return narrow<unsigned>(std::min<int64_t>(kRowThreads, round_up(packs, kWarp)));
}

// Columns that one iteration of the block covers.
template <int V>
__device__ int row_step() {
  return static_cast<int>(blockDim.x) * V;
}

// A thread's part of a row, V columns at a time: the largest logit and the sum of e^(x - largest).
// A larger logit scales down the sum so far (Milakov & Gimelshein 2018, "Online normalizer
// calculation for softmax").
template <class C>
struct OnlineSum {
  C largest = std::numeric_limits<C>::lowest();  // -inf would turn a row's -inf into NaN
  C sum = 0;

  template <int V>
  __device__ void add(const C (&x)[V]) {
    C above = largest;
#pragma unroll
    for (int j = 0; j < V; ++j) above = x[j] > above ? x[j] : above;
    if (above > largest) {
      sum *= std::exp(largest - above);
      largest = above;
    }
#pragma unroll
    for (int j = 0; j < V; ++j) sum += std::exp(x[j] - largest);  // NaN stays NaN
  }
};

template <int V, class T>
__device__ void fill(T* row, int vocab, T value) {
  T values[V];
#pragma unroll
  for (int j = 0; j < V; ++j) values[j] = value;
  for (int c = static_cast<int>(threadIdx.x) * V; c < vocab; c += row_step<V>()) {
    store(row + c, values);
  }
}

// d_x = scale * (softmax(x) - onehot), from the row's end to its beginning, because what the first
// pass read last is still cached.
template <int V, class T, class C>
__device__ void write_gradient(T* d_x, const C* x, int vocab, int target, C largest, C factor,
                               C scale) {
  const int first = static_cast<int>(threadIdx.x) * V, step = row_step<V>();
  const int steps = first < vocab ? (vocab - 1 - first) / step + 1 : 0;
  for (int i = steps - 1; i >= 0; --i) {
    const int c = first + i * step;
    C value[V];
    T gradient[V];
    load(value, x + c);
#pragma unroll
    for (int j = 0; j < V; ++j) {
      const C of_target = c + j == target ? scale : C(0);
      put(gradient[j], std::exp(value[j] - largest) * factor - of_target);
    }
    store(d_x + c, gradient);
  }
}

}  // namespace sy
