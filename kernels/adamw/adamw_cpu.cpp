// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw/adamw_rule.h"
#include "kernels/grad_clip/grad_clip.h"
#include "lib/tensor/bfloat16.h"

namespace sy {

template <class T>
struct AdamWImpl<Backend::cpu, T> {
  static void run(Exec& exec, Tensor value, Tensor first, Tensor second, Tensor grad,
                  const AdamWStep& step, Tensor rounded) {
    const double factor = clip_factor(clip_data(step.clip));
    if (factor == 0) return;
    const AdamWRule<T> rule(step);
    const T scale = static_cast<T>(factor);
    T *w = value.data<T>(), *m = first.data<T>(), *v = second.data<T>();
    const T* g = grad.data<T>();
    const int64_t count = value.numel();
    BFloat16* copy = rounded.data<BFloat16>();
    if (copy == nullptr) {
#pragma omp parallel for simd schedule(static) num_threads(exec.threads)
      for (int64_t i = 0; i < count; ++i) rule.apply(w[i], m[i], v[i], g[i] * scale);
      return;
    }
#pragma omp parallel for simd schedule(static) num_threads(exec.threads)
    for (int64_t i = 0; i < count; ++i) {
      rule.apply(w[i], m[i], v[i], g[i] * scale);
      put(copy[i], static_cast<float>(w[i]));
    }
  }
};

template struct AdamWImpl<Backend::cpu, float>;
template struct AdamWImpl<Backend::cpu, double>;

}  // namespace sy
