// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "kernels/cpu/vector_math.h"
#include "kernels/router/router.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

constexpr int64_t kExperts = 64;  // experts whose means are computed together
constexpr int64_t kTokens = 64;   // tokens of a group whose gradients are computed together

// The first of the largest of these.
template <class T>
int64_t largest_of(const T* values, int64_t experts) {
  int64_t best = 0;
  for (int64_t e = 1; e < experts; ++e) {
    if (values[e] > values[best]) best = e;
  }
  return best;
}

// Softmax of one token's logits; returns logsumexp. `expert` is the first of the largest logits.
template <class T>
T softmax_row(T* probs, const T* logits, int64_t experts, int32_t* expert) {
  const int64_t best = largest_of(logits, experts);
  const T largest = logits[best];
  T total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t e = 0; e < experts; ++e) {
    probs[e] = vector_exp(logits[e] - largest);
    total += probs[e];
  }
  const T inverse = T(1) / total;
#pragma omp simd
  for (int64_t e = 0; e < experts; ++e) probs[e] *= inverse;
  *expert = static_cast<int32_t>(best);
  return largest + std::log(total);
}

int64_t count_valid(const int32_t* valid, int64_t tokens) {
  int64_t count = 0;
  for (int64_t t = 0; t < tokens; ++t) count += valid[t] != 0;
  return count;
}

// f and P of one group for experts [begin, end), with its tokens in order; each thread sums only
// its own range of experts.
template <class T>
void group_means(T* fraction, T* mean_prob, const T* probs, const int32_t* expert, int64_t tokens,
                 int64_t experts, int64_t begin, int64_t end, bool rounded) {
  std::fill(fraction + begin, fraction + end, T(0));
  std::fill(mean_prob + begin, mean_prob + end, T(0));
  int64_t count = 0;
  for (int64_t t = 0; t < tokens; ++t) {
    if (expert[t] < 0) continue;
    ++count;
    if (expert[t] >= begin && expert[t] < end) fraction[expert[t]] += T(1);
    const T* p = probs + t * experts;
#pragma omp simd
    for (int64_t e = begin; e < end; ++e) mean_prob[e] += p[e];
  }
  if (count == 0) return;
  for (int64_t e = begin; e < end; ++e) {
    fraction[e] = rounded_if(rounded, fraction[e] / static_cast<T>(count));
    mean_prob[e] = rounded_if(rounded, mean_prob[e] / static_cast<T>(count));
  }
}

// E * sum_e f_e P_e.
template <class T>
double balance_loss(const T* fraction, const T* mean_prob, int64_t experts, bool rounded = false) {
  double total = 0;
  for (int64_t e = 0; e < experts; ++e) {
    const double product = static_cast<double>(fraction[e]) * static_cast<double>(mean_prob[e]);
    total += rounded_if(rounded, product);
  }
  return static_cast<double>(experts) * total;
}

// The mean of logsumexp^2 over the group's valid tokens, or 0 without any.
template <class T>
double z_loss(const T* log_sum, const int32_t* valid, int64_t tokens) {
  double total = 0;
  for (int64_t t = 0; t < tokens; ++t) {
    if (valid[t] != 0) total += static_cast<double>(log_sum[t]) * static_cast<double>(log_sum[t]);
  }
  const int64_t count = count_valid(valid, tokens);
  return count == 0 ? 0.0 : total / static_cast<double>(count);
}

// d_logits of one valid token: d_probs (from the gate and the balance loss) through the softmax,
// plus the z-loss.
//   d_probs_e = [e == i*] d_gate + balance_scale E f_e / count
//   d_h_e = p_e (d_probs_e - sum_j p_j d_probs_j) + z_scale 2 logsumexp p_e / count
template <class T>
void backward_row(T* d_logits, const T* probs, const T* fraction, int32_t expert, T d_gate,
                  T log_sum, T balance, T z, int64_t experts) {
  T dot = 0;
#pragma omp simd reduction(+ : dot)
  for (int64_t e = 0; e < experts; ++e) dot += probs[e] * fraction[e];
  const T shared = z * log_sum - d_gate * probs[expert] - balance * dot;
#pragma omp simd
  for (int64_t e = 0; e < experts; ++e) d_logits[e] = probs[e] * (balance * fraction[e] + shared);
  d_logits[expert] += probs[expert] * d_gate;
}

}  // namespace

template <class T>
struct RouterImpl<Backend::cpu, T> {
  static void forward(Exec& exec, Tensor probs, Tensor gate, Tensor log_sum, Tensor expert,
                      Tensor fraction, Tensor mean_prob, Tensor losses, Tensor logits, Tensor valid,
                      Tensor scores, bool rounded, const RouterScratch&) {
    const int64_t tokens = logits.dim(0), experts = logits.dim(1), groups = fraction.dim(0);
    const int64_t size = tokens / groups, pieces = ceil_div(experts, kExperts);
    T *p = probs.data<T>(), *ls = log_sum.data<T>();
    T *f = fraction.data<T>(), *mean = mean_prob.data<T>();
    int32_t* chosen = expert.data<int32_t>();
    const int32_t* is_valid = valid.data<int32_t>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < tokens; ++t) {
      T* row = p + t * experts;
      ls[t] = softmax_row(row, logits.data<T>() + t * experts, experts, chosen + t);
      if (rounded) {
        ls[t] = rounded_if(true, ls[t]);
        for (int64_t e = 0; e < experts; ++e) row[e] = rounded_if(true, row[e]);
        chosen[t] = static_cast<int32_t>(largest_of(row, experts));
      }
      if (!scores.empty()) {
        const T* score = scores.data<T>() + t * experts;
        chosen[t] = static_cast<int32_t>(largest_of(score, experts));
      }
      gate.data<T>()[t] = is_valid[t] != 0 ? row[chosen[t]] : T(0);
      if (is_valid[t] == 0) chosen[t] = -1;
    }
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t i = 0; i < groups * pieces; ++i) {
      const int64_t g = i / pieces, begin = i % pieces * kExperts;
      group_means(f + g * experts, mean + g * experts, p + g * size * experts, chosen + g * size,
                  size, experts, begin, std::min(experts, begin + kExperts), rounded);
    }
    double balance = 0, z = 0;
    for (int64_t g = 0; g < groups; ++g) {
      balance += balance_loss(f + g * experts, mean + g * experts, experts, rounded);
      z += z_loss(ls + g * size, is_valid + g * size, size);
    }
    losses.data<T>()[0] = static_cast<T>(balance);
    losses.data<T>()[1] = static_cast<T>(z);
  }

  static void count_kept(Exec& exec, Tensor count, Tensor expert, Tensor slot) {
    const int64_t groups = count.dim(0), experts = count.dim(1), size = expert.numel() / groups;
    const int32_t *chosen = expert.data<int32_t>(), *place = slot.data<int32_t>();
    T* counts = count.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t g = 0; g < groups; ++g) {
      for (int64_t t = g * size; t < (g + 1) * size; ++t) {
        if (chosen[t] >= 0) counts[g * experts + (place[t] < 0 ? 0 : chosen[t])] += T(1);
      }
    }
  }

  static void balance(Exec&, Tensor loss, Tensor fraction, Tensor mean_prob, Tensor) {
    const int64_t groups = fraction.dim(0), experts = fraction.dim(1);
    const T *f = fraction.data<T>(), *mean = mean_prob.data<T>();
    double total = 0;
    for (int64_t g = 0; g < groups; ++g) {
      total += balance_loss(f + g * experts, mean + g * experts, experts);
    }
    loss.data<T>()[0] = static_cast<T>(total);
  }

  static void backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor log_sum,
                       Tensor expert, Tensor fraction, Tensor valid, double balance_scale,
                       double z_scale, Tensor) {
    const int64_t tokens = probs.dim(0), experts = probs.dim(1), groups = fraction.dim(0);
    const int64_t size = tokens / groups, pieces = ceil_div(size, kTokens);
    const int32_t* is_valid = valid.data<int32_t>();
    const bool gates = !d_gate.empty();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t i = 0; i < groups * pieces; ++i) {
      const int64_t g = i / pieces, begin = g * size + i % pieces * kTokens;
      const int64_t count = count_valid(is_valid + g * size, size);
      const double share = count == 0 ? 0.0 : 1.0 / static_cast<double>(count);
      const T balance = static_cast<T>(balance_scale * static_cast<double>(experts) * share);
      const T z = static_cast<T>(2.0 * z_scale * share);
      for (int64_t t = begin; t < std::min(begin + kTokens, (g + 1) * size); ++t) {
        T* row = d_logits.data<T>() + t * experts;
        if (is_valid[t] == 0) {
          std::fill_n(row, experts, T(0));
          continue;
        }
        backward_row(row, probs.data<T>() + t * experts, fraction.data<T>() + g * experts,
                     gates ? expert.data<int32_t>()[t] : 0, gates ? d_gate.data<T>()[t] : T(0),
                     log_sum.data<T>()[t], balance, z, experts);
      }
    }
  }
};

template struct RouterImpl<Backend::cpu, float>;
template struct RouterImpl<Backend::cpu, double>;

}  // namespace sy
