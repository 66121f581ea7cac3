// SPDX-License-Identifier: Apache-2.0
#include "kernels/dropout/dropped_row_cpu.h"

namespace sy {

template <class T>
struct DropoutImpl<Backend::cpu, T> {
  using C = Compute<T>;

  static void forward(Exec& exec, Tensor out, Tensor residual, Tensor x, const Dropout& dropout) {
    const int64_t rows = x.rows(), cols = x.cols();
    T* to = out.data<T>();
    const T *from = x.data<T>(), *base = residual.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      T* o = to + r * cols;
      const T* p = from + r * cols;
      if (base == nullptr) {
        for_each_dropped<C>(dropout, r, cols,
                            [=](int64_t c, C factor) { put(o[c], C(p[c]) * factor); });
      } else {
        const T* q = base + r * cols;
        for_each_dropped<C>(dropout, r, cols,
                            [=](int64_t c, C factor) { put(o[c], C(q[c]) + C(p[c]) * factor); });
      }
    }
  }
};

template struct DropoutImpl<Backend::cpu, float>;
template struct DropoutImpl<Backend::cpu, double>;
template struct DropoutImpl<Backend::cpu, BFloat16>;

}  // namespace sy
