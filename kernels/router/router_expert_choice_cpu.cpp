// SPDX-License-Identifier: Apache-2.0
#include <omp.h>

#include <algorithm>

#include "kernels/router/router_expert_choice.h"

namespace sy {
namespace {

// The group's tokens from `begin` on that are not padding, in order; returns their number.
int64_t list_valid(int32_t* order, const int32_t* valid, int64_t begin, int64_t size) {
  int64_t count = 0;
  for (int64_t t = begin; t < begin + size; ++t) {
    if (valid[t] != 0) order[count++] = static_cast<int32_t>(t);
  }
  return count;
}

// Moves the `wanted` of the `count` tokens in `order` that the expert takes to the front, in order
// of position. `column` has the expert's probability of token 0.
template <class T>
void choose(int32_t* order, int64_t count, int64_t wanted, const T* column, int64_t experts) {
  const auto goes_first = [&](int32_t a, int32_t b) {
    const auto x = choice_key(column[a * experts]), y = choice_key(column[b * experts]);
    return x > y || (x == y && a < b);
  };
  if (wanted < count) std::nth_element(order, order + wanted, order + count, goes_first);
  std::sort(order, order + wanted);
}

// The valid tokens that no expert took.
int32_t count_missed(const int32_t* slot, const int32_t* valid, int64_t tokens, int64_t experts) {
  int32_t missed = 0;
  for (int64_t t = 0; t < tokens; ++t) {
    const int32_t* row = slot + t * experts;
    const bool taken = std::any_of(row, row + experts, [](int32_t s) { return s >= 0; });
    if (valid[t] != 0 && !taken) ++missed;
  }
  return missed;
}

}  // namespace

template <class T>
struct RouterExpertChoiceImpl<Backend::cpu, T> {
  static void forward(Exec& exec, Tensor gate, Tensor slot, Tensor token, Tensor counts,
                      Tensor probs, Tensor valid, int64_t groups, const CapacityRule& rule,
                      const ExpertChoiceScratch& scratch) {
    const int64_t tokens = probs.dim(0), experts = probs.dim(1), size = tokens / groups;
    const int64_t capacity = rule.of(size);
    const T* p = probs.data<T>();
    T* gates = gate.data<T>();
    int32_t *slots = slot.data<int32_t>(), *owner = token.data<int32_t>();
    int32_t* count = counts.data<int32_t>();
    const int32_t* is_valid = valid.data<int32_t>();
    std::fill_n(gates, gate.numel(), T(0));
    std::fill_n(slots, slot.numel(), -1);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t e = 0; e < experts; ++e) {
      int32_t* order = scratch.order.at(omp_get_thread_num()).data<int32_t>();
      count[e] = 0;
      for (int64_t g = 0; g < groups; ++g) {
        const int64_t routed = list_valid(order, is_valid, g * size, size);
        const int64_t wanted = rule.of(routed), first = (e * groups + g) * capacity;
        choose(order, routed, wanted, p + e, experts);
        for (int64_t place = 0; place < wanted; ++place) {
          const int64_t t = order[place];
          owner[first + place] = order[place];
          slots[t * experts + e] = static_cast<int32_t>(first + place);
          gates[t * experts + e] = p[t * experts + e];
        }
        std::fill_n(owner + first + wanted, capacity - wanted, -1);
        count[e] += static_cast<int32_t>(wanted);
      }
    }
    count[experts] = count_missed(slots, is_valid, tokens, experts);
  }

  static void backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs) {
    const int64_t tokens = probs.dim(0), experts = probs.dim(1);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < tokens; ++t) {
      const T *p = probs.data<T>() + t * experts, *d_g = d_gate.data<T>() + t * experts;
      T* row = d_logits.data<T>() + t * experts;
      T dot = 0;
#pragma omp simd reduction(+ : dot)
      for (int64_t e = 0; e < experts; ++e) dot += p[e] * d_g[e];
#pragma omp simd
      for (int64_t e = 0; e < experts; ++e) row[e] += p[e] * (d_g[e] - dot);
    }
  }
};

template struct RouterExpertChoiceImpl<Backend::cpu, float>;
template struct RouterExpertChoiceImpl<Backend::cpu, double>;

}  // namespace sy
