// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/cross_entropy/row_sums_cpu.h"

namespace sy {
namespace {

// `d_x` is x itself, another row, or null for no gradient; `square` is null if it is not wanted.
template <class T, class C>
C row_loss(T* d_x, C* square, C* x, int64_t count, int32_t target, double scale,
           double coefficient) {
  const C largest = largest_of(x, count);
  const double above_target = static_cast<double>(largest) - static_cast<double>(x[target]);
  const double total =
      d_x == nullptr ? sum_exp<false>(x, count, largest) : sum_exp<true>(x, count, largest);
  const double top = static_cast<double>(largest);
  if (square != nullptr) *square = static_cast<C>(square_of_log_z(total, top));
  const C loss = static_cast<C>(std::log(total) + above_target);
  if (d_x == nullptr) return loss;
  const C factor = static_cast<C>(softmax_scale(scale, coefficient, total, top) / total);
  const C of_target = x[target] * factor - static_cast<C>(scale);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) put(d_x[i], x[i] * factor);
  put(d_x[target], of_target);
  return loss;
}

}  // namespace

template <class T>
struct CrossEntropyImpl<Backend::cpu, T> {
  using C = Compute<T>;

  static void run(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                  double scale, const LogitZLoss& z) {
    const int64_t rows = logits.rows(), vocab = logits.cols();
    const int32_t* target = targets.data<int32_t>();
    C *values = logits.data<C>(), *losses = loss.data<C>();
    T* gradients = d_logits.empty() ? nullptr : d_logits.data<T>();
    C* squares = z.squares.empty() ? nullptr : z.squares.data<C>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      T* gradient = gradients == nullptr ? nullptr : gradients + r * vocab;
      C* square = squares == nullptr ? nullptr : squares + r;
      if (target[r] != kPadId) {
        losses[r] =
            row_loss(gradient, square, values + r * vocab, vocab, target[r], scale, z.coefficient);
        continue;
      }
      losses[r] = 0;
      if (square != nullptr) *square = 0;
      if (gradient != nullptr) std::fill_n(gradient, vocab, T(C(0)));
    }
  }
};

template struct CrossEntropyImpl<Backend::cpu, float>;
template struct CrossEntropyImpl<Backend::cpu, double>;
template struct CrossEntropyImpl<Backend::cpu, BFloat16>;

}  // namespace sy
