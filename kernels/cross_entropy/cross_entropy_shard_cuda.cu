// SPDX-License-Identifier: Apache-2.0
#include "kernels/cross_entropy/joined_row.h"
#include "kernels/cross_entropy/row_passes_cuda.h"

namespace sy {
namespace {

// One block per row. Traffic: reads logits once (the minimum). One exponential per element.
template <int V, class C>
__global__ void __launch_bounds__(kRowThreads)
    cross_entropy_shard_kernel(double* numbers, const C* logits, const int32_t* targets, int cols,
                               int64_t first, int64_t vocab) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int64_t row = blockIdx.x;
  const C* x = logits + row * cols;
  OnlineSum<C> part;
  for (int c = static_cast<int>(threadIdx.x) * V; c < cols; c += row_step<V>()) {
    C value[V];
    load(value, x + c);
    part.add(value);
  }
  const C largest = block_max(part.largest, reinterpret_cast<C*>(slots));
  const double total =
      block_sum(static_cast<double>(part.sum * std::exp(part.largest - largest)), slots);
  if (threadIdx.x != 0) return;
  const int64_t target = targets[row], col = target - first;
  const bool known = target >= 0 && target < vocab;
  double* out = numbers + row * kShardNumbers;
  out[0] = static_cast<double>(largest);
  // NaN in the sum makes both the loss and the gradient NaN.
  out[1] = known ? total : std::numeric_limits<double>::quiet_NaN();
  out[2] = col >= 0 && col < cols ? static_cast<double>(x[col]) : 0.0;
}

// One block per row. Traffic: reads logits and writes d_logits once (the minimum), besides the
// numbers of the shards, which every thread reads. One exponential per element.
template <int V, class T, class C = Compute<T>>
__global__ void __launch_bounds__(kRowThreads)
    cross_entropy_join_kernel(C* loss, C* squares, T* d_logits, const C* logits,
                              const int32_t* targets, const double* gathered, int64_t shards,
                              int64_t rows, int cols, int64_t first, double scale, double z) {
  const int64_t row = blockIdx.x;
  T* d_x = d_logits == nullptr ? nullptr : d_logits + row * cols;
  if (targets[row] == kPadId) {
    if (threadIdx.x == 0) loss[row] = 0;
    if (threadIdx.x == 0 && squares != nullptr) squares[row] = 0;
    if (d_x != nullptr) fill<V>(d_x, cols, T(C(0)));
    return;
  }
  const JoinedRow joined = joined_row(gathered, shards, rows, row);
  if (threadIdx.x == 0) loss[row] = static_cast<C>(joined.loss());
  if (threadIdx.x == 0 && squares != nullptr) squares[row] = static_cast<C>(joined.square());
  if (d_x == nullptr) return;
  const int64_t target = targets[row] - first;
  const int here = target >= 0 && target < cols ? static_cast<int>(target) : -1;
  write_gradient<V>(d_x, logits + row * cols, cols, here, static_cast<C>(joined.largest),
                    static_cast<C>(joined.factor(scale, z)), static_cast<C>(scale));
}

}  // namespace

template <class T>
struct CrossEntropyShardImpl<Backend::cuda, T> {
  using C = Compute<T>;
  static constexpr int kWide = Pack<BFloat16>::kCount;

  static void numbers(Exec& exec, Tensor numbers, Tensor logits, Tensor targets,
                      const VocabularyShard& shard) {
    const int64_t cols = logits.cols();
    const bool wide = cols % kWide == 0 && is_packed({logits.raw()});
    launch(cuda(exec).compute, "cross_entropy_shard",
           {.grid = narrow<unsigned>(logits.rows()),
            .block = wide ? threads_of<kWide>(cols) : threads_of<1>(cols),
            .shared_bytes = kWarp * sizeof(double)},
           wide ? cross_entropy_shard_kernel<kWide, C> : cross_entropy_shard_kernel<1, C>,
           numbers.data<double>(), logits.data<C>(), targets.data<int32_t>(), narrow<int>(cols),
           shard.first, shard.ids(cols));
  }

  static void join(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                   Tensor gathered, const VocabularyShard& shard, double scale,
                   const LogitZLoss& z) {
    const int64_t cols = logits.cols();
    const bool wide = cols % kWide == 0 && is_packed({d_logits.raw(), logits.raw()});
    launch(cuda(exec).compute, "cross_entropy_join",
           {.grid = narrow<unsigned>(logits.rows()),
            .block = wide ? threads_of<kWide>(cols) : threads_of<1>(cols)},
           wide ? cross_entropy_join_kernel<kWide, T> : cross_entropy_join_kernel<1, T>,
           loss.data<C>(), z.squares.data<C>(), d_logits.data<T>(), logits.data<C>(),
           targets.data<int32_t>(), gathered.data<double>(), gathered.dim(0), logits.rows(),
           narrow<int>(cols), shard.first, scale, z.coefficient);
  }
};

template struct CrossEntropyShardImpl<Backend::cuda, float>;
template struct CrossEntropyShardImpl<Backend::cuda, double>;
template struct CrossEntropyShardImpl<Backend::cuda, BFloat16>;

}  // namespace sy
