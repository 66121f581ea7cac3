// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cross_entropy/joined_row.h"
#include "kernels/cross_entropy/row_sums_cpu.h"

namespace sy {

template <class T>
struct CrossEntropyShardImpl<Backend::cpu, T> {
  using C = Compute<T>;

  static void numbers(Exec& exec, Tensor numbers, Tensor logits, Tensor targets,
                      const VocabularyShard& shard) {
    const int64_t rows = logits.rows(), cols = logits.cols();
    const int32_t* target = targets.data<int32_t>();
    C* values = logits.data<C>();
    double* out = numbers.data<double>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      C* x = values + r * cols;
      const int64_t col = target[r] - shard.first;
      // Finite, so that a shard of nothing but -inf sums to 0.
      const C largest = std::max(largest_of(x, cols), std::numeric_limits<C>::lowest());
      double* of_row = out + r * kShardNumbers;
      of_row[0] = static_cast<double>(largest);
      of_row[1] = sum_exp<false>(x, cols, largest);
      of_row[2] = col >= 0 && col < cols ? static_cast<double>(x[col]) : 0.0;
    }
  }

  static void join(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                   Tensor gathered, const VocabularyShard& shard, double scale,
                   const LogitZLoss& z) {
    const int64_t rows = logits.rows(), cols = logits.cols(), shards = gathered.dim(0);
    const int32_t* target = targets.data<int32_t>();
    const double* all = gathered.data<double>();
    C *values = logits.data<C>(), *losses = loss.data<C>();
    T* gradients = d_logits.empty() ? nullptr : d_logits.data<T>();
    C* squares = z.squares.empty() ? nullptr : z.squares.data<C>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      T* d_x = gradients == nullptr ? nullptr : gradients + r * cols;
      if (target[r] == kPadId) {
        losses[r] = 0;
        if (squares != nullptr) squares[r] = 0;
        if (d_x != nullptr) std::fill_n(d_x, cols, T(C(0)));
        continue;
      }
      const JoinedRow row = joined_row(all, shards, rows, r);
      losses[r] = static_cast<C>(row.loss());
      if (squares != nullptr) squares[r] = static_cast<C>(row.square());
      if (d_x == nullptr) continue;
      const C factor = static_cast<C>(row.factor(scale, z.coefficient));
      write_gradient(d_x, values + r * cols, cols, target[r] - shard.first,
                     static_cast<C>(row.largest), factor, static_cast<C>(scale));
    }
  }

 private:
  static void write_gradient(T* d_x, const C* x, int64_t cols, int64_t target, C largest, C factor,
                             C scale) {
    const bool here = target >= 0 && target < cols;
    // Read before d_x, which may be x, is written.
    const C of_target = here ? vector_exp(x[target] - largest) * factor - scale : C(0);
#pragma omp simd
    for (int64_t i = 0; i < cols; ++i) put(d_x[i], vector_exp(x[i] - largest) * factor);
    if (here) put(d_x[target], of_target);
  }
};

template struct CrossEntropyShardImpl<Backend::cpu, float>;
template struct CrossEntropyShardImpl<Backend::cpu, double>;
template struct CrossEntropyShardImpl<Backend::cpu, BFloat16>;

}  // namespace sy
