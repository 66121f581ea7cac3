#include <algorithm>
#include <cmath>

#include "kernels/adafactor.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

// One matrix in three passes over fixed blocks of rows.
template <class T>
struct Matrix {
  T *value, *row, *col;
  const T* grad;
  double* scratch;  // [blocks + 1, m + 2]
  int64_t n, m;
  const AdafactorStep& step;

  int64_t blocks() const { return ceil_div(n, kAdafactorRows); }
  double* sums(int64_t block) const { return scratch + block * (m + 2); }
  int64_t end_row(int64_t block) const { return std::min(n, (block + 1) * kAdafactorRows); }

  // Pass 1: row factors; the block's column sums of g^2; the block's sum of value^2 at [m].
  void read_gradient(int64_t block) const {
    double* column = sums(block);
    std::fill_n(column, m + 2, 0.0);
    double squares = 0;
    for (int64_t i = block * kAdafactorRows; i < end_row(block); ++i) {
      const T *g = grad + i * m, *w = value + i * m;
      const T scale = static_cast<T>(step.gradient_scale);
      double total = 0;
#pragma omp simd reduction(+ : total, squares)
      for (int64_t j = 0; j < m; ++j) {
        const double gradient = static_cast<double>(g[j] * scale);
        const double square = gradient * gradient + step.epsilon;
        total += square;
        column[j] += square;
        squares += static_cast<double>(w[j]) * static_cast<double>(w[j]);
      }
      row[i] = static_cast<T>(step.decay * static_cast<double>(row[i]) +
                              (1.0 - step.decay) * total / static_cast<double>(m));
    }
    column[m] = squares;
  }

  // After pass 1: column factors, and their reciprocal roots in the last scratch row. Returns the
  // sum of value^2.
  double finish_factors() const {
    double* root = sums(blocks());
    for (int64_t j = 0; j <= m; ++j) {
      double total = 0;
      for (int64_t block = 0; block < blocks(); ++block) total += sums(block)[j];
      root[j] = total;
    }
    for (int64_t j = 0; j < m; ++j) {
      col[j] = static_cast<T>(step.decay * static_cast<double>(col[j]) +
                              (1.0 - step.decay) * root[j] / static_cast<double>(n));
      root[j] = 1.0 / std::sqrt(static_cast<double>(col[j]));
    }
    return root[m];
  }

  double row_mean() const {
    double total = 0;
    for (int64_t i = 0; i < n; ++i) total += static_cast<double>(row[i]);
    return total / static_cast<double>(n);
  }

  // u_ij / g_ij without the column's part: gradient_scale / sqrt(row_i / mean(row)).
  double row_root(int64_t i, double mean) const {
    return step.gradient_scale / std::sqrt(static_cast<double>(row[i]) / mean);
  }

  // Pass 2: the block's sum of squares of the update, at [m + 1].
  void measure_update(int64_t block, double mean) const {
    const double* root = sums(blocks());
    double squares = 0;
    for (int64_t i = block * kAdafactorRows; i < end_row(block); ++i) {
      const T* g = grad + i * m;
      double total = 0;
#pragma omp simd reduction(+ : total)
      for (int64_t j = 0; j < m; ++j) {
        const double u = static_cast<double>(g[j]) * root[j];
        total += u * u;
      }
      const double scale = row_root(i, mean);
      squares += total * scale * scale;
    }
    sums(block)[m + 1] = squares;
  }

  // Pass 3.
  void write(int64_t block, double mean, double rate, double shrink) const {
    const double* root = sums(blocks());
    for (int64_t i = block * kAdafactorRows; i < end_row(block); ++i) {
      const T* g = grad + i * m;
      T* w = value + i * m;
      const double scale = rate * row_root(i, mean);
#pragma omp simd
      for (int64_t j = 0; j < m; ++j) {
        w[j] = static_cast<T>(static_cast<double>(w[j]) * shrink -
                              scale * static_cast<double>(g[j]) * root[j]);
      }
    }
  }
};

// learning_rate * max(floor, RMS(value)) / max(1, RMS(update) / clip)
double step_size(const AdafactorStep& step, double value_squares, double update_squares,
                 double count) {
  const double value_rms = std::sqrt(value_squares / count);
  const double update_rms = std::sqrt(update_squares / count);
  return step.learning_rate * std::max(step.parameter_floor, value_rms) /
         std::max(1.0, update_rms / step.update_clip);
}

}  // namespace

template <class T>
struct AdafactorImpl<Backend::cpu, T> {
  static void matrix(Exec& exec, Tensor value, Tensor row, Tensor col, Tensor grad,
                     const AdafactorStep& step, Tensor scratch) {
    const Matrix<T> x{value.data<T>(),        row.data<T>(), col.data<T>(), grad.data<T>(),
                      scratch.data<double>(), value.dim(0),  value.dim(1),  step};
    if (value.numel() == 0) return;
    const int64_t blocks = x.blocks();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t block = 0; block < blocks; ++block) x.read_gradient(block);
    const double value_squares = x.finish_factors(), mean = x.row_mean();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t block = 0; block < blocks; ++block) x.measure_update(block, mean);
    double update_squares = 0;
    for (int64_t block = 0; block < blocks; ++block) update_squares += x.sums(block)[x.m + 1];
    const double rate =
        step_size(step, value_squares, update_squares, static_cast<double>(value.numel()));
    const double shrink = 1.0 - step.learning_rate * step.weight_decay;
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t block = 0; block < blocks; ++block) x.write(block, mean, rate, shrink);
  }

  // Vectors are short: one thread each.
  static void vector(Exec& exec, Tensor value, Tensor second, Tensor grad,
                     const AdafactorStep& step) {
    const int64_t batch = value.dim(0), n = value.dim(1);
    const double shrink = 1.0 - step.learning_rate * step.weight_decay;
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t e = 0; e < batch; ++e) {
      T *w = value.data<T>() + e * n, *v = second.data<T>() + e * n;
      const T* g = grad.data<T>() + e * n;
      double value_squares = 0, update_squares = 0;
      for (int64_t i = 0; i < n; ++i) {
        const double gradient = static_cast<double>(g[i]) * step.gradient_scale;
        v[i] = static_cast<T>(step.decay * static_cast<double>(v[i]) +
                              (1.0 - step.decay) * (gradient * gradient + step.epsilon));
        update_squares += gradient * gradient / static_cast<double>(v[i]);
        value_squares += static_cast<double>(w[i]) * static_cast<double>(w[i]);
      }
      const double rate = step_size(step, value_squares, update_squares, static_cast<double>(n)) *
                          step.gradient_scale;
      for (int64_t i = 0; i < n; ++i) {
        w[i] =
            static_cast<T>(static_cast<double>(w[i]) * shrink -
                           rate * static_cast<double>(g[i]) / std::sqrt(static_cast<double>(v[i])));
      }
    }
  }
};

template struct AdafactorImpl<Backend::cpu, float>;
template struct AdafactorImpl<Backend::cpu, double>;

}  // namespace sy
