// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "kernels/router/router_confidence.h"

namespace sy {

template <class T>
struct RouterConfidenceImpl<Backend::cpu, T> {
  static void run(Exec& exec, Tensor routed, Tensor entropy, Tensor largest, Tensor probs,
                  Tensor expert) {
    const int64_t tokens = probs.dim(0), experts = probs.dim(1), choices = expert.numel() / tokens;
    const T* all = probs.data<T>();
    const int32_t* chosen = expert.data<int32_t>();
    T *of_entropy = entropy.data<T>(), *of_largest = largest.data<T>();
    T* is_routed = routed.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < tokens; ++t) {
      const T* p = all + t * experts;
      T sum = 0, most = 0;
      for (int64_t e = 0; e < experts && chosen[t * choices] >= 0; ++e) {
        if (p[e] > 0) sum -= p[e] * std::log(p[e]);
        most = std::max(most, p[e]);
      }
      is_routed[t] = chosen[t * choices] >= 0 ? T(1) : T(0);
      of_entropy[t] = sum;
      of_largest[t] = most;
    }
  }
};

template struct RouterConfidenceImpl<Backend::cpu, float>;
template struct RouterConfidenceImpl<Backend::cpu, double>;

}  // namespace sy
