// SPDX-License-Identifier: Apache-2.0
#include <omp.h>

#include <algorithm>
#include <limits>

#include "kernels/attention/attention_step.h"
#include "kernels/attention/relative_bucket.h"
#include "kernels/cpu/vector_math.h"

namespace sy {
namespace {

// One head of one sequence.
template <class T>
struct StepHead {
  using C = Compute<T>;

  int64_t keys, heads, head, d;
  const int32_t* index;    // [keys]
  const int32_t* buckets;  // for distances 0, 1, ...
  const C* bias_table;     // or null
  C* scores;               // [keys]
  C* sums;                 // [d]

  const T* row(const T* cache, int64_t j) const {
    return cache + (static_cast<int64_t>(index[j]) * heads + head) * d;
  }

  void raw_scores(const T* q, const T* k) const {
    for (int64_t j = 0; j < keys; ++j) {
      const T* key = row(k, j);
      C score = 0;
#pragma omp simd reduction(+ : score)
      for (int64_t c = 0; c < d; ++c) score += C(q[c]) * C(key[c]);
      if (bias_table != nullptr) score += bias_table[buckets[keys - 1 - j] * heads + head];
      scores[j] = score;
    }
  }

  void softmax() const {
    C largest = -std::numeric_limits<C>::infinity();
    for (int64_t j = 0; j < keys; ++j) largest = std::max(largest, scores[j]);
    C total = 0;
#pragma omp simd reduction(+ : total)
    for (int64_t j = 0; j < keys; ++j) {
      scores[j] = vector_exp(scores[j] - largest);
      total += scores[j];
    }
    const C inverse = C(1) / total;
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) scores[j] *= inverse;
  }

  void forward(T* out, const T* q, const T* k, const T* v) const {
    std::fill_n(sums, d, C(0));
    if (keys > 0) {
      raw_scores(q, k);
      softmax();
    }
    for (int64_t j = 0; j < keys; ++j) {
      const T* value = row(v, j);
      const C weight = scores[j];
#pragma omp simd
      for (int64_t c = 0; c < d; ++c) sums[c] += weight * C(value[c]);
    }
    for (int64_t c = 0; c < d; ++c) put(out[c], sums[c]);
  }
};

}  // namespace

template <class T>
struct AttentionStepImpl<Backend::cpu, T> {
  using C = Compute<T>;

  static Shape work_shape(int64_t, int64_t, int64_t width, int64_t d_kv, int threads) {
    return {threads, width + d_kv};
  }

  static void forward(Exec& exec, Tensor out, Tensor q, Tensor k, Tensor v, Tensor bias_table,
                      Tensor index, Tensor lengths, int max_distance, Tensor work, Tensor buckets) {
    const int64_t heads = q.dim(1), d = q.dim(2), width = index.dim(1);
    int32_t* bucket = buckets.data<int32_t>();
    if (!bias_table.empty()) {
      for (int64_t x = 0; x < width; ++x) {
        bucket[x] = relative_bucket(-x, false, static_cast<int>(bias_table.dim(0)), max_distance);
      }
    }
    const C* table = bias_table.empty() ? nullptr : bias_table.data<C>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t i = 0; i < q.dim(0) * heads; ++i) {
      const int64_t sequence = i / heads;
      C* const scores = work.data<C>() + omp_get_thread_num() * work.dim(1);
      const StepHead<T> head{lengths.data<int32_t>()[sequence],
                             heads,
                             i % heads,
                             d,
                             index.data<int32_t>() + sequence * width,
                             bucket,
                             table,
                             scores,
                             scores + width};
      head.forward(out.data<T>() + i * d, q.data<T>() + i * d, k.data<T>(), v.data<T>());
    }
  }
};

template struct AttentionStepImpl<Backend::cpu, float>;
template struct AttentionStepImpl<Backend::cpu, double>;
template struct AttentionStepImpl<Backend::cpu, BFloat16>;

}  // namespace sy
