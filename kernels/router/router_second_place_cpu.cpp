// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/router/router_second_place.h"

namespace sy {
namespace {

// 1 / (the probability of all experts but the first choice + epsilon).
template <class T>
T inverse_of_others(const T* p, int64_t experts, int64_t first) {
  T others = 0;
  for (int64_t e = 0; e < experts; ++e) others += e == first ? T(0) : p[e];
  return T(1) / (others + static_cast<T>(kSecondPlaceEpsilon));
}

int64_t count_routed(const int32_t* second, int64_t tokens) {
  return std::count_if(second, second + tokens, [](int32_t e) { return e >= 0; });
}

// One group: f2 is overwritten; returns the loss. P2 is not kept: the sum over experts of f2 P2 is
// the mean over tokens of the sum of f2 q.
template <class T>
double group_loss(T* fraction, const T* probs, const int32_t* expert, const int32_t* second,
                  int64_t tokens, int64_t experts) {
  const auto count = static_cast<double>(count_routed(second, tokens));
  std::fill_n(fraction, experts, T(0));
  if (count == 0) return 0;
  for (int64_t t = 0; t < tokens; ++t) {
    if (second[t] >= 0) fraction[second[t]] += T(1);
  }
  for (int64_t e = 0; e < experts; ++e) fraction[e] /= static_cast<T>(count);
  double total = 0;
  for (int64_t t = 0; t < tokens; ++t) {
    if (second[t] < 0) continue;
    const T* p = probs + t * experts;
    const int64_t first = expert[2 * t];
    T dot = 0;
    for (int64_t e = 0; e < experts; ++e) dot += e == first ? T(0) : fraction[e] * p[e];
    total += static_cast<double>(dot * inverse_of_others(p, experts, first));
  }
  return static_cast<double>(experts) * total / count;
}

// Adds one token's gradient; `scale` includes E / m.
//   p_bar_e = scale (f2_e - sum_j f2_j q_j) / D for e != i1,  D the denominator of q
//   h_bar_e = p_e (p_bar_e - sum_j p_j p_bar_j)
template <class T>
void backward_row(T* row, const T* p, const T* fraction, int64_t first, T scale, int64_t experts) {
  const T inverse = inverse_of_others(p, experts, first);
  T dot = 0;
  for (int64_t e = 0; e < experts; ++e) dot += e == first ? T(0) : fraction[e] * p[e];
  const T mean = dot * inverse, factor = scale * inverse;
  T shared = 0;
  for (int64_t e = 0; e < experts; ++e) {
    shared += e == first ? T(0) : p[e] * factor * (fraction[e] - mean);
  }
  for (int64_t e = 0; e < experts; ++e) {
    const T d_p = e == first ? T(0) : factor * (fraction[e] - mean);
    row[e] += p[e] * (d_p - shared);
  }
}

}  // namespace

template <class T>
struct RouterSecondPlaceImpl<Backend::cpu, T> {
  static void forward(Exec&, Tensor loss, Tensor fraction, Tensor probs, Tensor, Tensor expert,
                      Tensor second, Tensor, Tensor) {
    const int64_t groups = fraction.dim(0), experts = fraction.dim(1);
    const int64_t size = second.numel() / groups;
    double total = 0;
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t t = g * size;
      total +=
          group_loss(fraction.data<T>() + g * experts, probs.data<T>() + t * experts,
                     expert.data<int32_t>() + 2 * t, second.data<int32_t>() + t, size, experts);
    }
    loss.data<T>()[0] = static_cast<T>(total);
  }

  static void backward(Exec& exec, Tensor d_logits, Tensor fraction, Tensor probs, Tensor,
                       Tensor expert, Tensor second, double scale, Tensor) {
    const int64_t groups = fraction.dim(0), experts = fraction.dim(1);
    const int64_t size = second.numel() / groups;
    const int32_t* chosen = second.data<int32_t>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t g = 0; g < groups; ++g) {
      const auto count = static_cast<double>(count_routed(chosen + g * size, size));
      if (count == 0) continue;
      const T of_group = static_cast<T>(scale * static_cast<double>(experts) / count);
      for (int64_t t = g * size; t < (g + 1) * size; ++t) {
        if (chosen[t] < 0) continue;
        backward_row(d_logits.data<T>() + t * experts, probs.data<T>() + t * experts,
                     fraction.data<T>() + g * experts, expert.data<int32_t>()[2 * t], of_group,
                     experts);
      }
    }
  }
};

template struct RouterSecondPlaceImpl<Backend::cpu, float>;
template struct RouterSecondPlaceImpl<Backend::cpu, double>;

}  // namespace sy
