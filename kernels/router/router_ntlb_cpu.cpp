// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/router/router_ntlb.h"

namespace sy {
namespace {

// The k largest of the scores, the largest first; of equal ones, the first.
template <class T>
void best_experts(int32_t* order, int64_t k, const T* scores, int64_t experts) {
  for (int64_t j = 0; j < k; ++j) {
    int64_t best = -1;
    for (int64_t e = 0; e < experts; ++e) {
      const bool taken = std::find(order, order + j, static_cast<int32_t>(e)) != order + j;
      if (!taken && (best < 0 || scores[e] > scores[best])) best = e;
    }
    order[j] = static_cast<int32_t>(best);
  }
}

// Gives the tokens of a group their experts. `taken` [E] and `expert` are overwritten.
void assign_group(int32_t* expert, int32_t* taken, const int32_t* order, int64_t k,
                  const int32_t* valid, int64_t tokens, int64_t experts, int64_t capacity) {
  std::fill(expert, expert + tokens, -1);
  std::fill(taken, taken + experts, 0);
  for (int64_t j = 0; j < k; ++j) {
    for (int64_t t = 0; t < tokens; ++t) {
      if (valid[t] == 0 || expert[t] >= 0) continue;
      const int32_t e = order[t * k + j];
      if (taken[e] == capacity) continue;
      ++taken[e];
      expert[t] = e;
    }
  }
  for (int64_t t = 0; t < tokens; ++t) {
    if (valid[t] != 0 && expert[t] < 0) expert[t] = order[t * k];
  }
}

// The shares of a group's choices.
template <class T>
void count_choices(T* fraction, const int32_t* order, int64_t k, const int32_t* valid,
                   int64_t tokens, int64_t experts) {
  std::fill(fraction, fraction + experts, T(0));
  int64_t choices = 0;
  for (int64_t t = 0; t < tokens; ++t) {
    if (valid[t] == 0) continue;
    choices += k;
    for (int64_t j = 0; j < k; ++j) fraction[order[t * k + j]] += T(1);
  }
  for (int64_t e = 0; e < experts && choices > 0; ++e) fraction[e] /= static_cast<T>(choices);
}

}  // namespace

template <class T>
struct RouterNtlbImpl<Backend::cpu, T> {
  static void run(Exec& exec, Tensor gate, Tensor expert, Tensor fraction, Tensor probs,
                  Tensor scores, Tensor valid, Tensor order, Tensor taken, int64_t capacity) {
    const int64_t tokens = probs.dim(0), experts = probs.dim(1), k = order.dim(1);
    const int64_t groups = fraction.dim(0), size = tokens / groups;
    int32_t *chosen = expert.data<int32_t>(), *best = order.data<int32_t>();
    const int32_t* is_valid = valid.data<int32_t>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < tokens; ++t) {
      best_experts(best + t * k, k, scores.data<T>() + t * experts, experts);
    }
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t t = g * size;
      assign_group(chosen + t, taken.data<int32_t>() + g * experts, best + t * k, k, is_valid + t,
                   size, experts, capacity);
      count_choices(fraction.data<T>() + g * experts, best + t * k, k, is_valid + t, size, experts);
    }
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < tokens; ++t) {
      gate.data<T>()[t] = chosen[t] < 0 ? T(0) : probs.data<T>()[t * experts + chosen[t]];
    }
  }
};

template struct RouterNtlbImpl<Backend::cpu, float>;
template struct RouterNtlbImpl<Backend::cpu, double>;

}  // namespace sy
