// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"

namespace sy {
namespace {

constexpr int kMaxThreads = 1024;

// Threads of a row's block: one per pack of V columns, up to the maximum block size.
template <int V>
unsigned threads_of(int64_t vocab) {
  const int64_t packs = std::max<int64_t>(1, ceil_div(vocab, V));
  return narrow<unsigned>(std::min<int64_t>(kMaxThreads, round_up(packs, kWarp)));
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

// One block per row. Traffic: reads logits once from memory and once more from the caches, where a
// row of 32128 float32 (and those of the other blocks) fits, and writes d_logits once (the
// minimum). Two exponentials per element, about 40 operations.
template <int V, class T, class C = Compute<T>>
__global__ void __launch_bounds__(kMaxThreads)
    cross_entropy_kernel(C* loss, T* d_logits, const C* logits, const int32_t* targets, int vocab,
                         double scale) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int64_t row = blockIdx.x;
  const C* x = logits + row * vocab;
  T* d_x = d_logits == nullptr ? nullptr : d_logits + row * vocab;
  const int target = targets[row];
  if (target == kPadId) {
    if (threadIdx.x == 0) loss[row] = 0;
    if (d_x != nullptr) fill<V>(d_x, vocab, T(C(0)));
    return;
  }
  const bool known = target >= 0 && target < vocab;
  // Read before the gradient overwrites the logits; the barriers in block_max separate the two.
  constexpr C kUnknown = std::numeric_limits<C>::quiet_NaN();
  const C of_target = known ? x[target] : kUnknown;
  OnlineSum<C> part;
  for (int c = static_cast<int>(threadIdx.x) * V; c < vocab; c += row_step<V>()) {
    C value[V];
    load(value, x + c);
    part.add(value);
  }
  const C largest = block_max(part.largest, reinterpret_cast<C*>(slots));
  const double total =
      block_sum(static_cast<double>(part.sum * std::exp(part.largest - largest)), slots);
  if (threadIdx.x == 0) {
    const double above_target = static_cast<double>(largest) - static_cast<double>(of_target);
    loss[row] = static_cast<C>(std::log(total) + above_target);
  }
  if (d_x == nullptr) return;
  const C factor = known ? static_cast<C>(scale / total) : kUnknown;
  write_gradient<V>(d_x, x, vocab, target, largest, factor, static_cast<C>(scale));
}

}  // namespace

template <class T>
struct CrossEntropyImpl<Backend::cuda, T> {
  using C = Compute<T>;
  // For logits too, so that the order of sums is the same.
  static constexpr int kWide = Pack<BFloat16>::kCount;

  static void run(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                  double scale) {
    const bool wide = logits.cols() % kWide == 0 && is_packed({d_logits.raw(), logits.raw()});
    if (wide) {
      start<kWide>(exec, loss, d_logits, logits, targets, scale);
    } else {
      start<1>(exec, loss, d_logits, logits, targets, scale);
    }
  }

 private:
  template <int V>
  static void start(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                    double scale) {
    const int vocab = narrow<int>(logits.cols());
    launch(cuda(exec).compute, "cross_entropy",
           {.grid = narrow<unsigned>(logits.rows()),
            .block = threads_of<V>(vocab),
            .shared_bytes = kWarp * sizeof(double)},
           cross_entropy_kernel<V, T>, loss.data<C>(), d_logits.data<T>(), logits.data<C>(),
           targets.data<int32_t>(), vocab, scale);
  }
};

template struct CrossEntropyImpl<Backend::cuda, float>;
template struct CrossEntropyImpl<Backend::cuda, double>;
template struct CrossEntropyImpl<Backend::cuda, BFloat16>;

}  // namespace sy
