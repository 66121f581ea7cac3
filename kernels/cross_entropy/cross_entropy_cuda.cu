// SPDX-License-Identifier: Apache-2.0
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/cross_entropy/row_passes_cuda.h"

namespace sy {
namespace {

// One block per row. Traffic: reads logits once from memory and once more from the caches, where a
// row of 32128 float32 (and those of the other blocks) fits, and writes d_logits once (the
// minimum). Two exponentials per element, about 40 operations.
template <int V, class T, class C = Compute<T>>
__global__ void __launch_bounds__(kRowThreads)
    cross_entropy_kernel(C* loss, C* squares, T* d_logits, const C* logits, const int32_t* targets,
                         int vocab, double scale, double z) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int64_t row = blockIdx.x;
  const C* x = logits + row * vocab;
  T* d_x = d_logits == nullptr ? nullptr : d_logits + row * vocab;
  const int target = targets[row];
  if (target == kPadId) {
    if (threadIdx.x == 0) loss[row] = 0;
    if (threadIdx.x == 0 && squares != nullptr) squares[row] = 0;
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
    if (squares != nullptr) {
      squares[row] = static_cast<C>(square_of_log_z(total, static_cast<double>(largest)));
    }
  }
  if (d_x == nullptr) return;
  const double of_softmax = softmax_scale(scale, z, total, static_cast<double>(largest));
  const C factor = known ? static_cast<C>(of_softmax / total) : kUnknown;
  write_gradient<V>(d_x, x, vocab, target, largest, factor, static_cast<C>(scale));
}

}  // namespace

template <class T>
struct CrossEntropyImpl<Backend::cuda, T> {
  using C = Compute<T>;
  // For logits too, so that the order of sums is the same.
  static constexpr int kWide = Pack<BFloat16>::kCount;

  static void run(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                  double scale, const LogitZLoss& z) {
    const bool wide = logits.cols() % kWide == 0 && is_packed({d_logits.raw(), logits.raw()});
    if (wide) {
      start<kWide>(exec, loss, d_logits, logits, targets, scale, z);
    } else {
      start<1>(exec, loss, d_logits, logits, targets, scale, z);
    }
  }

 private:
  template <int V>
  static void start(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                    double scale, const LogitZLoss& z) {
    const int vocab = narrow<int>(logits.cols());
    launch(cuda(exec).compute, "cross_entropy",
           {.grid = narrow<unsigned>(logits.rows()),
            .block = threads_of<V>(vocab),
            .shared_bytes = kWarp * sizeof(double)},
           cross_entropy_kernel<V, T>, loss.data<C>(), z.squares.data<C>(), d_logits.data<T>(),
           logits.data<C>(), targets.data<int32_t>(), vocab, scale, z.coefficient);
  }
};

template struct CrossEntropyImpl<Backend::cuda, float>;
template struct CrossEntropyImpl<Backend::cuda, double>;
template struct CrossEntropyImpl<Backend::cuda, BFloat16>;

}  // namespace sy
