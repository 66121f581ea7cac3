// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cpu/vector_math.h"
#include "kernels/router/router_bias.h"

namespace sy {

template <class T>
struct RouterBiasImpl<Backend::cpu, T> {
  static void scores(Exec& exec, Tensor scores, Tensor logits, Tensor bias) {
    const int64_t tokens = logits.dim(0), experts = logits.dim(1);
    const T* b = bias.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < tokens; ++t) {
      const T* h = logits.data<T>() + t * experts;
      T* score = scores.data<T>() + t * experts;
      const T largest = *std::max_element(h, h + experts);
      T total = 0;
#pragma omp simd reduction(+ : total)
      for (int64_t e = 0; e < experts; ++e) {
        score[e] = vector_exp(h[e] - largest);
        total += score[e];
      }
      const T inverse = T(1) / total;
#pragma omp simd
      for (int64_t e = 0; e < experts; ++e) score[e] = score[e] * inverse + b[e];
    }
  }

  static void update(Exec&, Tensor bias, Tensor counts, Tensor apply, double rate) {
    if (apply.data<double>()[0] == 0) return;
    const int64_t experts = bias.numel();
    const int32_t* loads = counts.data<int32_t>();
    int64_t total = 0, signs = 0;
    for (int64_t e = 0; e < experts; ++e) total += loads[e];
    for (int64_t e = 0; e < experts; ++e) signs += load_sign(loads[e], total, experts);
    for (int64_t e = 0; e < experts; ++e) {
      const int sign = load_sign(loads[e], total, experts);
      bias.data<T>()[e] += static_cast<T>(bias_change(sign, signs, experts, rate));
    }
  }
};

template struct RouterBiasImpl<Backend::cpu, float>;
template struct RouterBiasImpl<Backend::cpu, double>;

}  // namespace sy
