// SPDX-License-Identifier: Apache-2.0
#include "kernels/cross_entropy/row_passes_cuda.h"
#include "kernels/cross_entropy/soft_row.h"

namespace sy {
namespace {

// The largest element of a row, in every thread of its block.
template <int V, class C>
__device__ C row_max(const C* x, int cols, C* slots) {
  C largest = std::numeric_limits<C>::lowest();
  for (int c = static_cast<int>(threadIdx.x) * V; c < cols; c += row_step<V>()) {
    C value[V];
    load(value, x + c);
#pragma unroll
    for (int j = 0; j < V; ++j) largest = value[j] > largest ? value[j] : largest;
  }
  return block_max(largest, slots);
}

// One block per row. Traffic: reads both logits once from memory (the minimum), and once more from
// the caches. Two exponentials per element.
template <int V, class C>
__global__ void __launch_bounds__(kRowThreads)
    soft_cross_entropy_shard_kernel(double* numbers, const C* logits, const C* teacher, int cols,
                                    C inverse) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int64_t row = blockIdx.x;
  const C *z = logits + row * cols, *t = teacher + row * cols;
  const C top_z = row_max<V>(z, cols, reinterpret_cast<C*>(slots));
  const C top_t = row_max<V>(t, cols, reinterpret_cast<C*>(slots));
  C of_z = 0, of_t = 0, dot = 0;
  for (int c = static_cast<int>(threadIdx.x) * V; c < cols; c += row_step<V>()) {
    C student[V], target[V];
    load(student, z + c);
    load(target, t + c);
#pragma unroll
    for (int j = 0; j < V; ++j) {
      const C below = (student[j] - top_z) * inverse;
      const C weight = std::exp((target[j] - top_t) * inverse);
      of_z += std::exp(below);
      of_t += weight;
      dot += weight * below;
    }
  }
  const double sum_z = block_sum(static_cast<double>(of_z), slots);
  const double sum_t = block_sum(static_cast<double>(of_t), slots);
  const double sum_dot = block_sum(static_cast<double>(dot), slots);
  if (threadIdx.x != 0) return;
  double* out = numbers + row * kSoftNumbers;
  out[0] = static_cast<double>(top_z);
  out[1] = sum_z;
  out[2] = static_cast<double>(top_t);
  out[3] = sum_t;
  out[4] = sum_dot;
}

// One block per row. Traffic: reads both logits and writes the gradient once (the minimum), besides
// the numbers of the shards, which every thread reads. Two exponentials per element.
template <int V, class C>
__global__ void __launch_bounds__(kRowThreads)
    soft_cross_entropy_join_kernel(C* loss, C* teacher, const C* logits, const int32_t* targets,
                                   const double* gathered, int64_t shards, int64_t rows, int cols,
                                   SoftScale scale) {
  const int64_t row = blockIdx.x;
  const C* z = logits + row * cols;
  C* t = teacher + row * cols;
  if (targets[row] == kPadId) {
    if (threadIdx.x == 0) loss[row] = 0;
    fill<V>(t, cols, C(0));
    return;
  }
  const SoftRow joined = soft_row(gathered, shards, rows, row, scale.temperature);
  if (threadIdx.x == 0) loss[row] = static_cast<C>(joined.loss());
  const C inverse = static_cast<C>(1 / scale.temperature);
  const C top_z = static_cast<C>(joined.student.largest);
  const C top_t = static_cast<C>(joined.teacher.largest);
  const C of_z = static_cast<C>(joined.student_factor(scale));
  const C of_t = static_cast<C>(joined.teacher_factor(scale));
  for (int c = static_cast<int>(threadIdx.x) * V; c < cols; c += row_step<V>()) {
    C student[V], target[V];
    load(student, z + c);
    load(target, t + c);
#pragma unroll
    for (int j = 0; j < V; ++j) {
      target[j] = std::exp((student[j] - top_z) * inverse) * of_z -
                  std::exp((target[j] - top_t) * inverse) * of_t;
    }
    store(t + c, target);
  }
}

}  // namespace

template <class C>
struct SoftCrossEntropyImpl<Backend::cuda, C> {
  static constexpr int kWide = Pack<C>::kCount;

  static bool is_wide(Tensor logits, Tensor teacher) {
    return logits.cols() % kWide == 0 && is_packed({logits.raw(), teacher.raw()});
  }
  static unsigned threads(bool wide, int64_t cols) {
    return wide ? threads_of<kWide>(cols) : threads_of<1>(cols);
  }

  static void numbers(Exec& exec, Tensor numbers, Tensor logits, Tensor teacher,
                      double temperature) {
    const bool wide = is_wide(logits, teacher);
    launch(cuda(exec).compute, "soft_cross_entropy_shard",
           {.grid = narrow<unsigned>(logits.rows()),
            .block = threads(wide, logits.cols()),
            .shared_bytes = kWarp * sizeof(double)},
           wide ? soft_cross_entropy_shard_kernel<kWide, C> : soft_cross_entropy_shard_kernel<1, C>,
           numbers.data<double>(), logits.data<C>(), teacher.data<C>(), narrow<int>(logits.cols()),
           static_cast<C>(1 / temperature));
  }

  static void join(Exec& exec, Tensor loss, Tensor teacher, Tensor logits, Tensor targets,
                   Tensor gathered, const SoftScale& scale) {
    const bool wide = is_wide(logits, teacher);
    launch(cuda(exec).compute, "soft_cross_entropy_join",
           {.grid = narrow<unsigned>(logits.rows()), .block = threads(wide, logits.cols())},
           wide ? soft_cross_entropy_join_kernel<kWide, C> : soft_cross_entropy_join_kernel<1, C>,
           loss.data<C>(), teacher.data<C>(), logits.data<C>(), targets.data<int32_t>(),
           gathered.data<double>(), gathered.dim(0), logits.rows(), narrow<int>(logits.cols()),
           scale);
  }
};

template struct SoftCrossEntropyImpl<Backend::cuda, float>;
template struct SoftCrossEntropyImpl<Backend::cuda, double>;

}  // namespace sy
