#include <algorithm>
#include <cmath>

#include "kernels/rms_norm.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

// One row's gradient; adds the row's share of d_scale to `partial`.
//   dL/dx_i = rstd (g_i - x_i rstd^2 mean_j(g_j x_j)),  g = d_out * scale
template <class T>
void backward_row(T* d_x, T* partial, const T* d_out, const T* x, const T* scale, T rstd,
                  const T* d_residual, int64_t d) {
  T dot = 0;
#pragma omp simd reduction(+ : dot)
  for (int64_t i = 0; i < d; ++i) {
    dot += d_out[i] * scale[i] * x[i];
    partial[i] += d_out[i] * x[i] * rstd;
  }
  const T shared = dot * rstd * rstd / static_cast<T>(d);
  if (d_residual != nullptr) {
#pragma omp simd
    for (int64_t i = 0; i < d; ++i) {
      d_x[i] = d_residual[i] + rstd * (d_out[i] * scale[i] - x[i] * shared);
    }
  } else {
#pragma omp simd
    for (int64_t i = 0; i < d; ++i) d_x[i] = rstd * (d_out[i] * scale[i] - x[i] * shared);
  }
}

}  // namespace

template <class T>
struct RmsNormImpl<Backend::cpu, T> {
  static void forward(Exec& exec, Tensor out, Tensor rstd, Tensor x, Tensor scale) {
    const int64_t rows = x.rows(), d = x.cols();
    const T *px = x.data<T>(), *ps = scale.data<T>();
    T *po = out.data<T>(), *pr = rstd.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      const T* row = px + r * d;
      T squares = 0;
#pragma omp simd reduction(+ : squares)
      for (int64_t i = 0; i < d; ++i) squares += row[i] * row[i];
      const T inverse =
          T(1) / std::sqrt(squares / static_cast<T>(d) + static_cast<T>(kRmsNormEpsilon));
      pr[r] = inverse;
#pragma omp simd
      for (int64_t i = 0; i < d; ++i) po[r * d + i] = row[i] * inverse * ps[i];
    }
  }

  static void backward(Exec& exec, Tensor d_x, Tensor d_scale, Tensor d_out, Tensor x, Tensor scale,
                       Tensor rstd, Tensor d_residual, Tensor partial) {
    const int64_t rows = x.rows(), d = x.cols(), blocks = ceil_div(rows, kRmsNormRows);
    T *partials = partial.data<T>(), *ds = d_scale.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t block = 0; block < blocks; ++block) {
      std::fill_n(partials + block * d, d, T(0));
      const int64_t end = std::min(rows, (block + 1) * kRmsNormRows);
      for (int64_t r = block * kRmsNormRows; r < end; ++r) {
        backward_row(d_x.data<T>() + r * d, partials + block * d, d_out.data<T>() + r * d,
                     x.data<T>() + r * d, scale.data<T>(), rstd.data<T>()[r],
                     d_residual.empty() ? nullptr : d_residual.data<T>() + r * d, d);
      }
    }
    for (int64_t block = 0; block < blocks; ++block) {
#pragma omp simd
      for (int64_t i = 0; i < d; ++i) ds[i] += partials[block * d + i];
    }
  }
};

template struct RmsNormImpl<Backend::cpu, float>;
template struct RmsNormImpl<Backend::cpu, double>;

}  // namespace sy
