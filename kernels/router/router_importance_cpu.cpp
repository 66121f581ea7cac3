// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/router/router_importance.h"

namespace sy {

template <class T>
struct RouterImportanceImpl<Backend::cpu, T> {
  static void sums(Exec& exec, Tensor sums, Tensor gate, Tensor expert) {
    const int64_t groups = sums.dim(0), experts = sums.dim(1), choices = gate.numel() / groups;
    const int32_t* chosen = expert.data<int32_t>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t g = 0; g < groups; ++g) {
      T* to = sums.data<T>() + g * experts;
      std::fill_n(to, experts, T(0));
      for (int64_t i = g * choices; i < (g + 1) * choices; ++i) {
        if (chosen[i] >= 0) to[chosen[i]] += gate.data<T>()[i];
      }
    }
  }

  static void sums_backward(Exec& exec, Tensor d_gate, Tensor d_sums, Tensor expert, double scale) {
    const int64_t experts = d_sums.dim(1), choices = d_gate.numel() / d_sums.dim(0);
    const int32_t* chosen = expert.data<int32_t>();
    const T factor = static_cast<T>(scale);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t i = 0; i < d_gate.numel(); ++i) {
      if (chosen[i] < 0) continue;
      d_gate.data<T>()[i] += factor * d_sums.data<T>()[i / choices * experts + chosen[i]];
    }
  }

  //   d CV^2 / d x_e = 2 E (x_e / S^2 - Q / S^3),  S = sum x, Q = sum x^2
  static void variation(Exec&, Tensor loss, Tensor d_sums, Tensor sums, Tensor) {
    const int64_t groups = sums.dim(0), experts = sums.dim(1);
    double total = 0;
    for (int64_t g = 0; g < groups; ++g) {
      const T* x = sums.data<T>() + g * experts;
      double sum = 0, squares = 0;
      for (int64_t e = 0; e < experts; ++e) {
        const auto value = static_cast<double>(x[e]);
        sum += value;
        squares += value * value;
      }
      const double count = sum > 0 ? static_cast<double>(experts) : 0.0;
      const double inverse = sum > 0 ? 1 / sum : 0.0, spread = squares * inverse * inverse;
      total += sum > 0 ? count * spread - 1 : 0.0;
      for (int64_t e = 0; e < experts; ++e) {
        const double of_expert = static_cast<double>(x[e]) * inverse - spread;
        d_sums.data<T>()[g * experts + e] = static_cast<T>(2 * count * inverse * of_expert);
      }
    }
    loss.data<T>()[0] = static_cast<T>(total);
  }
};

template struct RouterImportanceImpl<Backend::cpu, float>;
template struct RouterImportanceImpl<Backend::cpu, double>;

}  // namespace sy
