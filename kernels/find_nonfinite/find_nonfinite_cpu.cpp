// SPDX-License-Identifier: Apache-2.0
#include "kernels/find_nonfinite/find_nonfinite.h"

namespace sy {

template <class T>
struct FindNonfiniteImpl<Backend::cpu, T> {
  static void run(Exec&, Tensor index, Tensor x, Tensor squares) {
    double& found = *index.data<double>();
    found = -1;
    if (is_finite(*squares.data<double>())) return;
    const T* p = x.data<T>();
    const int64_t count = x.numel();
    for (int64_t i = 0; i < count && found < 0; ++i) {
      if (!is_finite(p[i])) found = static_cast<double>(i);
    }
  }
};

template struct FindNonfiniteImpl<Backend::cpu, float>;
template struct FindNonfiniteImpl<Backend::cpu, double>;

}  // namespace sy
