// A step of decoding is bound by memory: each key and value of a head is read once, 4 d bytes a key
// in bfloat16, and nothing is used twice. A block takes one head of one sequence.
#include <limits>

#include "kernels/attention_step.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/relative_bucket.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda_context.h"

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

// One head of one sequence.
template <class T>
struct StepHead {
  using C = Compute<T>;

  const StepProblem<T>& p;
  int sequence, head, keys;
  C start;  // what sums begin with: 0, or NaN where the number of keys is not one

  __device__ explicit StepHead(const StepProblem<T>& problem)
      : p(problem),
        sequence(static_cast<int>(blockIdx.x) / problem.heads),
        head(static_cast<int>(blockIdx.x) % problem.heads) {
    const int length = p.lengths[sequence];
    const bool valid = length >= 0 && length <= p.width;
    keys = valid ? length : 0;
    start = valid ? C(0) : std::numeric_limits<C>::quiet_NaN();
  }

  // Where key j lies in the cache; a row that is not one is made of the first, and `known` false.
  __device__ const T* row(const T* cache, int j, bool& known) const {
    const int32_t place = p.index[int64_t{sequence} * p.width + j];
    known = place >= 0 && place < p.rows;
    return cache + (int64_t{known ? place : 0} * p.heads + head) * p.d;
  }

  __device__ C score(int j) const {
    bool known;
    const T* key = row(p.k, j, known);
    const T* query = p.q + int64_t{blockIdx.x} * p.d;
    C sum = 0;
    for (int c = 0; c < p.d; ++c) sum += C(query[c]) * C(key[c]);
    if (p.bias_table != nullptr) {
      const int bucket = relative_bucket(j - (keys - 1), false, p.buckets, p.max_distance);
      sum += p.bias_table[int64_t{bucket} * p.heads + head];
    }
    return known ? sum : std::numeric_limits<C>::quiet_NaN();
  }
};

// scores [keys] become weights; returns 1 / their sum, or 0 without any.
template <class T>
__device__ Compute<T> step_weights(const StepHead<T>& head, Compute<T>* scores, Compute<T>* slots) {
  using C = Compute<T>;
  const int thread = static_cast<int>(threadIdx.x);
  C largest = -std::numeric_limits<C>::infinity(), total = 0;
  for (int j = thread; j < head.keys; j += kStepThreads) {
    scores[j] = head.score(j);
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

// out [B, H, d]; scores [B, H, width] is scratch. Reads each key and value once, a key a thread and
// then a column a thread, in groups of threads that share out the keys; moves what it must.
template <class T>
__global__ void __launch_bounds__(kStepThreads)
    step_kernel(T* out, Compute<T>* scores, StepProblem<T> p) {
  using C = Compute<T>;
  C* slots = reinterpret_cast<C*>(shared_memory());
  C* sums = slots + kWarp;  // [kStepThreads]
  const StepHead<T> head(p);
  scores += int64_t{blockIdx.x} * p.width;
  const C inverse = step_weights(head, scores, slots);
  __syncthreads();
  const int columns = p.d < kStepThreads ? p.d : kStepThreads, groups = kStepThreads / columns;
  const int thread = static_cast<int>(threadIdx.x);
  const int group = thread / columns;
  for (int first = 0; first < p.d; first += columns) {
    const int c = first + thread % columns;
    C sum = head.start;
    for (int j = group; group < groups && c < p.d && j < head.keys; j += groups) {
      bool known;
      const T* value = head.row(p.v, j, known);
      sum += scores[j] * C(value[c]);
    }
    __syncthreads();
    sums[thread] = sum;
    __syncthreads();
    if (group > 0 || c >= p.d) continue;
    for (int other = 1; other < groups; ++other) sum += sums[other * columns + thread];
    put(out[int64_t{blockIdx.x} * p.d + c], head.start + sum * inverse);
  }
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
    const LaunchShape shape{.grid = narrow<unsigned>(q.dim(0) * q.dim(1)),
                            .block = kStepThreads,
                            .shared_bytes = (kWarp + kStepThreads) * sizeof(C)};
    launch(cuda(exec).compute, "attention_step", shape, step_kernel<T>, out.data<T>(),
           work.data<C>(), p);
  }
};

template struct AttentionStepImpl<Backend::cuda, float>;
template struct AttentionStepImpl<Backend::cuda, double>;
template struct AttentionStepImpl<Backend::cuda, BFloat16>;

}  // namespace sy
