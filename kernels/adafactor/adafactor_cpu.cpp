// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "kernels/adafactor/adafactor.h"
#include "kernels/adafactor/step_size.h"
#include "kernels/grad_clip/grad_clip.h"
#include "lib/tensor/bfloat16.h"

namespace sy {
namespace {

constexpr int64_t kColumns = 256;  // columns whose factors are computed together

// Sums over a block of rows; the last entry holds those of the whole matrix.
struct Totals {
  double value_squares, rows, update_squares;
};
static_assert(sizeof(Totals) == kAdafactorTotals * sizeof(double));

// to[i] = from[i], rounded.
template <class T>
void round_into(BFloat16* to, const T* from, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) put(to[i], static_cast<float>(from[i]));
}

BFloat16* part_of(Tensor rounded, int64_t first) {
  return rounded.empty() ? nullptr : rounded.data<BFloat16>() + first;
}

// One matrix in three passes over fixed blocks of rows. Squares are summed in T within a block and
// in float64 across blocks.
template <class T>
struct Matrix {
  T *value, *row, *col;
  const T* grad;
  BFloat16* rounded;  // or null
  T* columns;         // [blocks + 1, m]: each block's column sums of g^2; last row: 1 / sqrt(col)
  Totals* totals;     // [blocks + 1]
  int64_t n, m;
  const AdafactorStep& step;
  double clip;  // factor of the gradient

  int64_t blocks() const { return ceil_div(n, kAdafactorRows); }
  int64_t end_row(int64_t block) const { return std::min(n, (block + 1) * kAdafactorRows); }
  T* root() const { return columns + blocks() * m; }
  Totals& whole() const { return totals[blocks()]; }

  // Pass 1: row factors, column sums of g^2 + epsilon, and the sum of value^2.
  void read_gradient(int64_t block) const {
    T* column = columns + block * m;
    std::fill_n(column, m, T(0));
    Totals sums{0, 0, 0};
    const T scale = static_cast<T>(clip), epsilon = static_cast<T>(step.epsilon);
    for (int64_t i = block * kAdafactorRows; i < end_row(block); ++i) {
      const T *g = grad + i * m, *w = value + i * m;
      T total = 0, squares = 0;
#pragma omp simd reduction(+ : total, squares)
      for (int64_t j = 0; j < m; ++j) {
        const T gradient = g[j] * scale, square = gradient * gradient + epsilon;
        total += square;
        column[j] += square;
        squares += w[j] * w[j];
      }
      row[i] =
          static_cast<T>(step.decay * static_cast<double>(row[i]) +
                         (1.0 - step.decay) * static_cast<double>(total) / static_cast<double>(m));
      sums.rows += static_cast<double>(row[i]);
      sums.value_squares += static_cast<double>(squares);
    }
    totals[block] = sums;
  }

  // After pass 1: factors of columns [begin, end), at most kColumns of them, and their reciprocal
  // square roots.
  void finish_columns(int64_t begin, int64_t end) const {
    double total[kColumns] = {};
    for (int64_t block = 0; block < blocks(); ++block) {
      const T* column = columns + block * m;
      for (int64_t j = begin; j < end; ++j) total[j - begin] += static_cast<double>(column[j]);
    }
    for (int64_t j = begin; j < end; ++j) {
      col[j] = static_cast<T>(step.decay * static_cast<double>(col[j]) +
                              (1.0 - step.decay) * total[j - begin] / static_cast<double>(n));
      root()[j] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(col[j])));
    }
  }

  // The update's factor for row i: clip / sqrt(row_i / mean(row)).
  double row_root(int64_t i) const {
    const double mean = whole().rows / static_cast<double>(n);
    return clip / std::sqrt(static_cast<double>(row[i]) / mean);
  }

  // Pass 2: the sum of squares of the update u_ij = row_root_i g_ij root_j.
  void measure_update(int64_t block) const {
    const T* by = root();
    double squares = 0;
    for (int64_t i = block * kAdafactorRows; i < end_row(block); ++i) {
      const T* g = grad + i * m;
      T total = 0;
#pragma omp simd reduction(+ : total)
      for (int64_t j = 0; j < m; ++j) total += (g[j] * by[j]) * (g[j] * by[j]);
      const double scale = row_root(i);
      squares += static_cast<double>(total) * scale * scale;
    }
    totals[block].update_squares = squares;
  }

  // Pass 3: writes the updated values.
  void write(int64_t block) const {
    const T* by = root();
    const double rate = adafactor_rate(step, whole().value_squares, whole().update_squares,
                                       static_cast<double>(n) * static_cast<double>(m));
    const T shrink = static_cast<T>(1.0 - step.learning_rate * step.weight_decay);
    for (int64_t i = block * kAdafactorRows; i < end_row(block); ++i) {
      const T* g = grad + i * m;
      T* w = value + i * m;
      const T scale = static_cast<T>(rate * row_root(i));
#pragma omp simd
      for (int64_t j = 0; j < m; ++j) w[j] = w[j] * shrink - scale * (g[j] * by[j]);
      if (rounded != nullptr) round_into(rounded + i * m, w, m);
    }
  }

  // Adds the blocks' totals in order.
  void add_totals() const {
    Totals sums{0, 0, 0};
    for (int64_t block = 0; block < blocks(); ++block) {
      sums.value_squares += totals[block].value_squares;
      sums.rows += totals[block].rows;
      sums.update_squares += totals[block].update_squares;
    }
    whole() = sums;
  }
};

// Steps one vector, which is short enough for one thread. rounded may be null.
template <class T>
void step_vector(T* value, BFloat16* rounded, T* second, const T* grad, int64_t n,
                 const AdafactorStep& step, double clip) {
  const T scale = static_cast<T>(clip), epsilon = static_cast<T>(step.epsilon);
  const T decay = static_cast<T>(step.decay), rest = static_cast<T>(1.0 - step.decay);
  double value_squares = 0, update_squares = 0;
#pragma omp simd reduction(+ : value_squares, update_squares)
  for (int64_t i = 0; i < n; ++i) {
    const T gradient = grad[i] * scale;
    second[i] = decay * second[i] + rest * (gradient * gradient + epsilon);
    const T update = gradient / std::sqrt(second[i]);
    update_squares += static_cast<double>(update * update);
    value_squares += static_cast<double>(value[i] * value[i]);
  }
  const T rate =
      static_cast<T>(adafactor_rate(step, value_squares, update_squares, static_cast<double>(n)));
  const T shrink = static_cast<T>(1.0 - step.learning_rate * step.weight_decay);
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    value[i] = value[i] * shrink - rate * (grad[i] * scale / std::sqrt(second[i]));
  }
  if (rounded != nullptr) round_into(rounded, value, n);
}

// Runs the passes over a batch of matrices, one block of rows per thread at a time.
template <class T>
void step_matrices(const Exec& exec, const AdafactorMatrix& item, const AdafactorStep& step,
                   double clip, Tensor columns, Tensor totals) {
  const AdafactorTiling tiling(Backend::cpu, item);
  const int64_t n = tiling.n, m = tiling.m, batch = tiling.batch;
  const int64_t blocks = tiling.blocks, chunks = ceil_div(m, kColumns);
  const auto at = [&](int64_t e) {
    return Matrix<T>{item.value.data<T>() + e * n * m,
                     item.row.data<T>() + e * n,
                     item.col.data<T>() + e * m,
                     item.grad.data<T>() + e * n * m,
                     part_of(item.rounded, e * n * m),
                     columns.data<T>() + e * (blocks + 1) * m,
                     reinterpret_cast<Totals*>(totals.data<double>()) + e * (blocks + 1),
                     n,
                     m,
                     step,
                     clip};
  };
  const auto add_totals = [&] {
    for (int64_t e = 0; e < batch; ++e) at(e).add_totals();
  };
#pragma omp parallel for schedule(static) num_threads(exec.threads)
  for (int64_t i = 0; i < batch * blocks; ++i) at(i / blocks).read_gradient(i % blocks);
  add_totals();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
  for (int64_t i = 0; i < batch * chunks; ++i) {
    const int64_t begin = i % chunks * kColumns;
    at(i / chunks).finish_columns(begin, std::min(m, begin + kColumns));
  }
#pragma omp parallel for schedule(static) num_threads(exec.threads)
  for (int64_t i = 0; i < batch * blocks; ++i) at(i / blocks).measure_update(i % blocks);
  add_totals();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
  for (int64_t i = 0; i < batch * blocks; ++i) at(i / blocks).write(i % blocks);
}

template <class T>
void step_vectors(const Exec& exec, const AdafactorVector& item, const AdafactorStep& step,
                  double clip) {
  const int64_t batch = item.value.dim(0), n = item.value.dim(1);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
  for (int64_t e = 0; e < batch; ++e) {
    step_vector(item.value.data<T>() + e * n, part_of(item.rounded, e * n),
                item.second.data<T>() + e * n, item.grad.data<T>() + e * n, n, step, clip);
  }
}

}  // namespace

template <class T>
struct AdafactorImpl<Backend::cpu, T> {
  static void matrices(Exec& exec, std::span<const AdafactorMatrix> wave, const AdafactorStep& step,
                       Tensor sums, Tensor totals) {
    const double clip = clip_factor(clip_data(step.clip));
    if (clip == 0) return;
    for (const AdafactorMatrix& item : wave) {
      if (item.value.numel() > 0) step_matrices<T>(exec, item, step, clip, sums, totals);
    }
  }

  static void vectors(Exec& exec, std::span<const AdafactorVector> wave, const AdafactorStep& step,
                      Tensor) {
    const double clip = clip_factor(clip_data(step.clip));
    if (clip == 0) return;
    for (const AdafactorVector& item : wave) {
      if (item.value.numel() > 0) step_vectors<T>(exec, item, step, clip);
    }
  }
};

template struct AdafactorImpl<Backend::cpu, float>;
template struct AdafactorImpl<Backend::cpu, double>;

}  // namespace sy
