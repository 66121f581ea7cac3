// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/activation/activation.h"
#include "kernels/cpu/vector_math.h"
#include "kernels/dropout/dropped_row_cpu.h"

namespace sy {
namespace {

// The tanh form of gelu equals x s with s = (1 + tanh z) / 2 = 1 / (1 + e^-2z) and z = sqrt(2 / pi)
// (x + 0.044715 x^3). This takes one exponential and does not cancel where s is near 0. The
// derivative is s + x s (1 - s) 2 dz/dx.
template <class T>
struct Gelu {
  T value, slope;
};

template <class T>
inline Gelu<T> gelu(T x) {
  constexpr T kTwice = T(2 * 0.79788456080286535588), kCubic = T(0.044715);
  const T minus_2z = -kTwice * (x + kCubic * x * x * x);
  const T e = vector_exp(std::min(minus_2z, T(80)));  // s is 0 beyond that; NaN stays NaN
  const T s = T(1) / (T(1) + e);
  return {x * s, s + x * s * (e * s) * kTwice * (T(1) + T(3) * kCubic * x * x)};
}

// Calls row(r, offset of the row's first element) for every row r, in parallel.
template <class Row>
void for_each_row(Exec& exec, Tensor hidden, Row&& row) {
  const int64_t rows = hidden.rows(), cols = hidden.cols();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
  for (int64_t r = 0; r < rows; ++r) row(r, r * cols);
}

}  // namespace

template <class T>
struct ActivationImpl<Backend::cpu, T> {
  using C = Compute<T>;

  static void forward(Exec& exec, Tensor out, Tensor hidden, Tensor linear, Activation kind,
                      const Dropout& dropout) {
    const int64_t cols = hidden.cols();
    T* const out_data = out.data<T>();
    const T *const hidden_data = hidden.data<T>(), *const linear_data = linear.data<T>();
    for_each_row(exec, hidden, [&](int64_t r, int64_t at) {
      T* o = out_data + at;
      const T* h = hidden_data + at;
      if (kind == Activation::relu) {
        for_each_dropped<C>(dropout, r, cols, [=](int64_t c, C factor) {
          const C x = h[c];
          put(o[c], (x < C(0) ? C(0) : x) * factor);  // NaN stays NaN
        });
      } else if (kind == Activation::gelu) {
        for_each_dropped<C>(dropout, r, cols,
                            [=](int64_t c, C factor) { put(o[c], gelu(C(h[c])).value * factor); });
      } else {
        const T* l = linear_data + at;
        for_each_dropped<C>(dropout, r, cols, [=](int64_t c, C factor) {
          put(o[c], gelu(C(h[c])).value * C(l[c]) * factor);
        });
      }
    });
  }

  static void backward(Exec& exec, Tensor d_hidden, Tensor d_linear, Tensor d_out, Tensor hidden,
                       Tensor linear, Activation kind, const Dropout& dropout) {
    const int64_t cols = hidden.cols();
    T *const d_hidden_data = d_hidden.data<T>(), *const d_linear_data = d_linear.data<T>();
    const T *const d_out_data = d_out.data<T>(), *const hidden_data = hidden.data<T>();
    const T* const linear_data = linear.data<T>();
    for_each_row(exec, hidden, [&](int64_t r, int64_t at) {
      T* dh = d_hidden_data + at;
      const T *d = d_out_data + at, *h = hidden_data + at;
      if (kind == Activation::relu) {
        for_each_dropped<C>(dropout, r, cols, [=](int64_t c, C factor) {
          put(dh[c], C(h[c]) > C(0) ? C(d[c]) * factor : C(0));
        });
      } else if (kind == Activation::gelu) {
        for_each_dropped<C>(dropout, r, cols, [=](int64_t c, C factor) {
          put(dh[c], C(d[c]) * factor * gelu(C(h[c])).slope);
        });
      } else {
        T* dl = d_linear_data + at;
        const T* l = linear_data + at;
        for_each_dropped<C>(dropout, r, cols, [=](int64_t c, C factor) {
          const Gelu<C> g = gelu(C(h[c]));
          const C through = C(d[c]) * factor, gate = l[c];
          put(dl[c], through * g.value);
          put(dh[c], through * gate * g.slope);
        });
      }
    });
  }
};

template struct ActivationImpl<Backend::cpu, float>;
template struct ActivationImpl<Backend::cpu, double>;
template struct ActivationImpl<Backend::cpu, BFloat16>;

}  // namespace sy
