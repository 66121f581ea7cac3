// SPDX-License-Identifier: Apache-2.0
// A decoding step is memory-bound: each key and value of a head is read once, 4 d bytes per key in
// bfloat16, and nothing is reused. One block handles one head of one sequence. A thread reads N
// adjacent elements at once, 16 bytes if pointers and width allow it.
#include <limits>

#include "kernels/attention/attention_step.h"
#include "kernels/attention/relative_bucket.h"
#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kStepThreads = 256;

template <class T>
struct StepProblem {
  const T *q, *k, *v;
  const Compute<T>* bias_table;  // or null
  const int32_t *index, *lengths;
  int heads, d, width, rows, buckets, max_distance;
};

template <int N, class T>
__device__ void load_step(T (&to)[N], const T* from) {
  if constexpr (N == 1) {
    to[0] = *from;
  } else {
    load_packs(to, from);
  }
}

// One head of one sequence.
template <class T>
struct StepHead {
  using C = Compute<T>;

  const StepProblem<T>& p;
  int sequence, head, keys;
  C start;  // initial value of sums: 0, or NaN if the number of keys is invalid

  __device__ explicit StepHead(const StepProblem<T>& problem)
      : p(problem),
        sequence(static_cast<int>(blockIdx.x) / problem.heads),
        head(static_cast<int>(blockIdx.x) % problem.heads) {
    const int length = p.lengths[sequence];
    const bool valid = length >= 0 && length <= p.width;
    keys = valid ? length : 0;
    start = valid ? C(0) : std::numeric_limits<C>::quiet_NaN();
  }

  // Address of key or value j in the cache. For an invalid row index, the address of row 0, and
  // `known` is false.
  __device__ const T* row(const T* cache, int j, bool& known) const {
    const int32_t place = p.index[int64_t{sequence} * p.width + j];
    known = place >= 0 && place < p.rows;
    return cache + (int64_t{known ? place : 0} * p.heads + head) * p.d;
  }

  template <int N>
  __device__ C score(int j) const {
    bool known;
    const T* key = row(p.k, j, known);
    const T* query = p.q + int64_t{blockIdx.x} * p.d;
    C sum = 0;
    for (int c = 0; c < p.d; c += N) {
      T x[N], y[N];
      load_step<N>(x, query + c);
      load_step<N>(y, key + c);
#pragma unroll
      for (int i = 0; i < N; ++i) sum += C(x[i]) * C(y[i]);
    }
    if (p.bias_table != nullptr) {
      const int bucket = relative_bucket(j - (keys - 1), false, p.buckets, p.max_distance);
      sum += p.bias_table[int64_t{bucket} * p.heads + head];
    }
    return known ? sum : std::numeric_limits<C>::quiet_NaN();
  }

  // sums += columns c .. c + N of the values group, group + groups, ..., weighted.
  template <int N>
  __device__ void add_values(C (&sums)[N], const C* weights, int c, int group, int groups) const {
    for (int j = group; j < keys; j += groups) {
      bool known;
      T value[N];
      load_step<N>(value, row(p.v, j, known) + c);
      const C weight = weights[j];
#pragma unroll
      for (int i = 0; i < N; ++i) sums[i] += weight * C(value[i]);
    }
  }
};

// Replaces scores [keys] by unnormalised weights; returns 1 / their sum, or 0 without any.
template <int N, class T>
__device__ Compute<T> step_weights(const StepHead<T>& head, Compute<T>* scores, Compute<T>* slots) {
  using C = Compute<T>;
  const int thread = static_cast<int>(threadIdx.x);
  C largest = -std::numeric_limits<C>::infinity(), total = 0;
  for (int j = thread; j < head.keys; j += kStepThreads) {
    scores[j] = head.template score<N>(j);
    largest = scores[j] > largest ? scores[j] : largest;
  }
  largest = block_max(largest, slots);
  for (int j = thread; j < head.keys; j += kStepThreads) {
    scores[j] = std::exp(scores[j] - largest);
    total += scores[j];
  }
  total = block_sum(total, slots);
  return head.keys == 0 ? C(0) : C(1) / total;
}

// out [B, H, d]; scores [B, H, width] is scratch. Each thread reads whole keys; values are read N
// columns per thread, by groups of threads that divide the keys among them. Traffic: reads each key
// and value once (the minimum).
template <class T, int N>
__global__ void __launch_bounds__(kStepThreads)
    step_kernel(T* out, Compute<T>* scores, StepProblem<T> p) {
  using C = Compute<T>;
  C* slots = reinterpret_cast<C*>(shared_memory());
  C* shares = slots + kWarp;  // [kStepThreads, N]
  const StepHead<T> head(p);
  scores += int64_t{blockIdx.x} * p.width;
  const C inverse = step_weights<N>(head, scores, slots);
  const int thread = static_cast<int>(threadIdx.x), pieces = p.d / N;
  const int threads = pieces < kStepThreads ? pieces : kStepThreads;  // per group
  const int groups = kStepThreads / threads, group = thread / threads;
  for (int first = 0; first < pieces; first += threads) {
    const int piece = first + thread % threads;
    C sums[N];
#pragma unroll
    for (int i = 0; i < N; ++i) sums[i] = 0;
    __syncthreads();  // the weights are complete, and the shares have been read
    if (group < groups && piece < pieces) head.add_values(sums, scores, piece * N, group, groups);
#pragma unroll
    for (int i = 0; i < N; ++i) shares[thread * N + i] = sums[i];
    __syncthreads();
    for (int c = thread; c < threads * N && first * N + c < p.d; c += kStepThreads) {
      C sum = head.start;
      for (int x = 0; x < groups; ++x) sum += shares[x * threads * N + c];
      put(out[int64_t{blockIdx.x} * p.d + first * N + c], sum * inverse);
    }
  }
}

template <class T, int N>
void launch_step(Exec& exec, T* out, Compute<T>* scores, const StepProblem<T>& p, int64_t blocks) {
  const LaunchShape shape{.grid = narrow<unsigned>(blocks),
                          .block = kStepThreads,
                          .shared_bytes = (kWarp + kStepThreads * N) * sizeof(Compute<T>)};
  launch(cuda(exec).compute, "attention_step", shape, step_kernel<T, N>, out, scores, p);
}

}  // namespace

template <class T>
struct AttentionStepImpl<Backend::cuda, T> {
  using C = Compute<T>;

  static Shape work_shape(int64_t sequences, int64_t heads, int64_t width, int64_t, int) {
    return {sequences * heads, width};
  }

  static void forward(Exec& exec, Tensor out, Tensor q, Tensor k, Tensor v, Tensor bias_table,
                      Tensor index, Tensor lengths, int max_distance, Tensor work, Tensor) {
    StepProblem<T> p;
    p.q = q.data<T>();
    p.k = k.data<T>();
    p.v = v.data<T>();
    p.bias_table = bias_table.empty() ? nullptr : bias_table.data<C>();
    p.index = index.data<int32_t>();
    p.lengths = lengths.data<int32_t>();
    p.heads = narrow<int>(q.dim(1));
    p.d = narrow<int>(q.dim(2));
    p.width = narrow<int>(index.dim(1));
    p.rows = narrow<int>(k.dim(0));
    p.buckets = bias_table.empty() ? 0 : narrow<int>(bias_table.dim(0));
    p.max_distance = max_distance;
    constexpr int kPack = Pack<T>::kCount;
    const bool packed = p.d % kPack == 0 && is_packed({p.q, p.k, p.v});
    const auto run = packed ? launch_step<T, kPack> : launch_step<T, 1>;
    run(exec, out.data<T>(), work.data<C>(), p, q.dim(0) * q.dim(1));
  }
};

template struct AttentionStepImpl<Backend::cuda, float>;
template struct AttentionStepImpl<Backend::cuda, double>;
template struct AttentionStepImpl<Backend::cuda, BFloat16>;

}  // namespace sy
