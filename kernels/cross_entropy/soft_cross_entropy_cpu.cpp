// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cross_entropy/row_sums_cpu.h"
#include "kernels/cross_entropy/soft_row.h"

namespace sy {
namespace {

// The sums of a row over its columns; `largest` are known.
template <class T>
void sum_row(SoftRow& row, const T* z, const T* t, int64_t count, T inverse) {
  const T top_z = static_cast<T>(row.student.largest), top_t = static_cast<T>(row.teacher.largest);
  for (int64_t begin = 0; begin < count; begin += kSumPiece) {
    const int64_t end = std::min(count, begin + kSumPiece);
    T of_z = 0, of_t = 0, dot = 0;
#pragma omp simd reduction(+ : of_z, of_t, dot)
    for (int64_t i = begin; i < end; ++i) {
      const T below = (z[i] - top_z) * inverse, weight = vector_exp((t[i] - top_t) * inverse);
      of_z += vector_exp(below);
      of_t += weight;
      dot += weight * below;
    }
    row.student.sum += static_cast<double>(of_z);
    row.teacher.sum += static_cast<double>(of_t);
    row.dot += static_cast<double>(dot);
  }
}

// t is overwritten.
template <class T>
void write_gradient(T* t, const T* z, int64_t count, const SoftRow& row, const SoftScale& scale) {
  const T inverse = static_cast<T>(1 / scale.temperature);
  const T top_z = static_cast<T>(row.student.largest), top_t = static_cast<T>(row.teacher.largest);
  const T of_z = static_cast<T>(row.student_factor(scale));
  const T of_t = static_cast<T>(row.teacher_factor(scale));
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    t[i] =
        vector_exp((z[i] - top_z) * inverse) * of_z - vector_exp((t[i] - top_t) * inverse) * of_t;
  }
}

}  // namespace

template <class T>
struct SoftCrossEntropyImpl<Backend::cpu, T> {
  static void numbers(Exec& exec, Tensor numbers, Tensor logits, Tensor teacher,
                      double temperature) {
    const int64_t rows = logits.rows(), cols = logits.cols();
    const T *z = logits.data<T>(), *t = teacher.data<T>();
    double* out = numbers.data<double>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      const T *of_z = z + r * cols, *of_t = t + r * cols;
      SoftRow row{{static_cast<double>(largest_of(of_z, cols)), 0},
                  {static_cast<double>(largest_of(of_t, cols)), 0},
                  0};
      sum_row(row, of_z, of_t, cols, static_cast<T>(1 / temperature));
      const double all[kSoftNumbers] = {row.student.largest, row.student.sum, row.teacher.largest,
                                        row.teacher.sum, row.dot};
      std::copy_n(all, kSoftNumbers, out + r * kSoftNumbers);
    }
  }

  static void join(Exec& exec, Tensor loss, Tensor teacher, Tensor logits, Tensor targets,
                   Tensor gathered, const SoftScale& scale) {
    const int64_t rows = logits.rows(), cols = logits.cols(), shards = gathered.dim(0);
    const int32_t* target = targets.data<int32_t>();
    const double* all = gathered.data<double>();
    const T* z = logits.data<T>();
    T *t = teacher.data<T>(), *losses = loss.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      if (target[r] == kPadId) {
        losses[r] = 0;
        std::fill_n(t + r * cols, cols, T(0));
        continue;
      }
      const SoftRow row = soft_row(all, shards, rows, r, scale.temperature);
      losses[r] = static_cast<T>(row.loss());
      write_gradient(t + r * cols, z + r * cols, cols, row, scale);
    }
  }
};

template struct SoftCrossEntropyImpl<Backend::cpu, float>;
template struct SoftCrossEntropyImpl<Backend::cpu, double>;

}  // namespace sy
