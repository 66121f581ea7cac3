// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "kernels/rms_norm/rms_norm.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

// The gradient of one row; adds the row's part of d_scale to `partial`.
//   dL/dx_i = rstd (g_i - x_i rstd^2 mean_j(g_j x_j)),  g = d_out * scale
template <class T, class C>
void backward_row(T* d_x, C* partial, const T* d_out, const T* x, const C* scale, C rstd,
                  const T* d_residual, int64_t d) {
  C dot = 0;
#pragma omp simd reduction(+ : dot)
  for (int64_t i = 0; i < d; ++i) {
    const C g = d_out[i], value = x[i];
    dot += g * scale[i] * value;
    partial[i] += g * value * rstd;
  }
  const C shared = dot * rstd * rstd / static_cast<C>(d);
  if (d_residual != nullptr) {
#pragma omp simd
    for (int64_t i = 0; i < d; ++i) {
      const C through = rstd * (C(d_out[i]) * scale[i] - C(x[i]) * shared);
      put(d_x[i], C(d_residual[i]) + through);
    }
  } else {
#pragma omp simd
    for (int64_t i = 0; i < d; ++i) {
      put(d_x[i], rstd * (C(d_out[i]) * scale[i] - C(x[i]) * shared));
    }
  }
}

}  // namespace

template <class T>
struct RmsNormImpl<Backend::cpu, T> {
  using C = Compute<T>;

  static void forward(Exec& exec, Tensor out, Tensor rstd, Tensor x, Tensor scale) {
    const int64_t rows = x.rows(), d = x.cols();
    const T* px = x.data<T>();
    const C* ps = scale.data<C>();
    T* po = out.data<T>();
    C* pr = rstd.data<C>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      const T* row = px + r * d;
      C squares = 0;
#pragma omp simd reduction(+ : squares)
      for (int64_t i = 0; i < d; ++i) squares += C(row[i]) * C(row[i]);
      const C inverse =
          C(1) / std::sqrt(squares / static_cast<C>(d) + static_cast<C>(kRmsNormEpsilon));
      pr[r] = inverse;
#pragma omp simd
      for (int64_t i = 0; i < d; ++i) put(po[r * d + i], C(row[i]) * inverse * ps[i]);
    }
  }

  static void backward(Exec& exec, Tensor d_x, Tensor d_scale, Tensor d_out, Tensor x, Tensor scale,
                       Tensor rstd, Tensor d_residual, Tensor partial) {
    const int64_t rows = x.rows(), d = x.cols(), blocks = ceil_div(rows, kRmsNormRows);
    C *partials = partial.data<C>(), *ds = d_scale.data<C>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t block = 0; block < blocks; ++block) {
      std::fill_n(partials + block * d, d, C(0));
      const int64_t end = std::min(rows, (block + 1) * kRmsNormRows);
      for (int64_t r = block * kRmsNormRows; r < end; ++r) {
        backward_row(d_x.data<T>() + r * d, partials + block * d, d_out.data<T>() + r * d,
                     x.data<T>() + r * d, scale.data<C>(), rstd.data<C>()[r],
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
template struct RmsNormImpl<Backend::cpu, BFloat16>;

}  // namespace sy
