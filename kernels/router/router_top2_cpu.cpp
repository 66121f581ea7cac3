// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_top2.h"

namespace sy {
namespace {

// The first of the largest scores except that of `first`.
template <class T>
int64_t largest_other(const T* scores, int64_t experts, int64_t first) {
  int64_t best = first == 0 ? 1 : 0;
  for (int64_t e = best + 1; e < experts; ++e) {
    if (e != first && scores[e] > scores[best]) best = e;
  }
  return best;
}

}  // namespace

template <class T>
struct RouterTop2Impl<Backend::cpu, T> {
  static void forward(Exec& exec, Tensor gate, Tensor expert, Tensor second, Tensor probs,
                      Tensor first, const Top2Rule& rule, Tensor scores) {
    const int64_t tokens = probs.dim(0), experts = probs.dim(1);
    T* gates = gate.data<T>();
    int32_t *chosen = expert.data<int32_t>(), *others = second.data<int32_t>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < tokens; ++t) {
      const int32_t i1 = first.data<int32_t>()[t];
      if (i1 < 0) {
        gates[2 * t] = gates[2 * t + 1] = T(0);
        chosen[2 * t] = chosen[2 * t + 1] = others[t] = -1;
        continue;
      }
      const T* p = probs.data<T>() + t * experts;
      const int64_t i2 = largest_other(scores.data<T>() + t * experts, experts, i1);
      const TopProbs<T> g = top2_gates(p[i1], p[i2], rule.normalise);
      const bool keeps = keeps_second(rule, static_cast<float>(g.second), t);
      gates[2 * t] = g.first;
      gates[2 * t + 1] = keeps ? g.second : T(0);
      chosen[2 * t] = i1;
      chosen[2 * t + 1] = keeps ? static_cast<int32_t>(i2) : -1;
      others[t] = static_cast<int32_t>(i2);
    }
  }

  static void backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor expert,
                       Tensor second, bool normalise) {
    const int64_t tokens = probs.dim(0), experts = probs.dim(1);
    const int32_t* chosen = expert.data<int32_t>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < tokens; ++t) {
      const int32_t i1 = chosen[2 * t], i2 = second.data<int32_t>()[t];
      if (i1 < 0) continue;
      const T *p = probs.data<T>() + t * experts, *d_g = d_gate.data<T>() + 2 * t;
      const T d_g2 = chosen[2 * t + 1] < 0 ? T(0) : d_g[1];
      const TopProbs<T> d = top2_gates_backward(p[i1], p[i2], d_g[0], d_g2, normalise);
      const T shared = p[i1] * d.first + p[i2] * d.second;
      T* row = d_logits.data<T>() + t * experts;
#pragma omp simd
      for (int64_t e = 0; e < experts; ++e) row[e] -= p[e] * shared;
      row[i1] += p[i1] * d.first;
      row[i2] += p[i2] * d.second;
    }
  }
};

template struct RouterTop2Impl<Backend::cpu, float>;
template struct RouterTop2Impl<Backend::cpu, double>;

}  // namespace sy
