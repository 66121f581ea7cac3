#include <algorithm>
#include <cmath>

#include "kernels/philox_fill.h"
#include "kernels/router.h"
#include "kernels/vector_math.h"

namespace sy {
namespace {

// Softmax of one token's logits; returns logsumexp. The expert is the first of the largest.
template <class T>
T softmax_row(T* probs, const T* logits, int64_t experts, int32_t* expert) {
  int64_t best = 0;
  for (int64_t e = 1; e < experts; ++e) {
    if (logits[e] > logits[best]) best = e;
  }
  const T largest = logits[best];
  T total = 0;
  for (int64_t e = 0; e < experts; ++e) {
    probs[e] = vector_exp(logits[e] - largest);
    total += probs[e];
  }
  const T inverse = T(1) / total;
  for (int64_t e = 0; e < experts; ++e) probs[e] *= inverse;
  *expert = static_cast<int32_t>(best);
  return largest + std::log(total);
}

// Everything about one group of tokens.
template <class T>
struct Group {
  T *probs, *gate, *log_sum;
  int32_t* expert;
  T *fraction, *mean_prob;  // [E]
  const T* logits;
  const int32_t* valid;
  int64_t tokens, experts;

  // Fills everything; adds nothing to anyone else's memory. Returns {balance, z} of the group.
  std::pair<double, double> forward() const {
    std::fill_n(fraction, experts, T(0));
    std::fill_n(mean_prob, experts, T(0));
    double squares = 0;
    int64_t count = 0;
    for (int64_t t = 0; t < tokens; ++t) {
      T* p = probs + t * experts;
      int32_t chosen = 0;
      log_sum[t] = softmax_row(p, logits + t * experts, experts, &chosen);
      expert[t] = valid[t] != 0 ? chosen : -1;
      gate[t] = valid[t] != 0 ? p[chosen] : T(0);
      if (valid[t] == 0) continue;
      ++count;
      fraction[chosen] += T(1);
      for (int64_t e = 0; e < experts; ++e) mean_prob[e] += p[e];
      squares += static_cast<double>(log_sum[t]) * static_cast<double>(log_sum[t]);
    }
    if (count == 0) return {0.0, 0.0};
    double balance = 0;
    for (int64_t e = 0; e < experts; ++e) {
      fraction[e] /= static_cast<T>(count);
      mean_prob[e] /= static_cast<T>(count);
      balance += static_cast<double>(fraction[e]) * static_cast<double>(mean_prob[e]);
    }
    return {static_cast<double>(experts) * balance, squares / static_cast<double>(count)};
  }
};

// d_logits of one valid token: through the softmax from d_probs (gate and balance), plus the
// z-loss.
//   d_probs_e = [e == i*] d_gate + balance_scale E f_e / count
//   d_h_e = p_e (d_probs_e - sum_j p_j d_probs_j) + z_scale 2 logsumexp p_e / count
template <class T>
void backward_row(T* d_logits, const T* probs, const T* fraction, int32_t expert, T d_gate,
                  T log_sum, T balance, T z, int64_t experts) {
  T dot = d_gate * probs[expert];
  for (int64_t e = 0; e < experts; ++e) dot += probs[e] * balance * fraction[e];
  for (int64_t e = 0; e < experts; ++e) {
    const T d_prob = balance * fraction[e] + (e == expert ? d_gate : T(0));
    d_logits[e] = probs[e] * (d_prob - dot + z * log_sum);
  }
}

}  // namespace

template <class T>
struct RouterImpl<Backend::cpu, T> {
  static void jitter(Exec& exec, Tensor out, Tensor x, float epsilon, const RandomKey& key,
                     int64_t first_row) {
    const int64_t rows = x.rows(), cols = x.cols();
    T* po = out.data<T>();
    const T* px = x.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      const uint64_t first = static_cast<uint64_t>((first_row + r) * cols);
      T* to = po + r * cols;
      const T* from = px + r * cols;
      if (epsilon == 0) {
        std::copy_n(from, cols, to);
        continue;
      }
      for_each_uniform(key, first, cols, [=](int64_t c, float u) {
        to[c] = from[c] * static_cast<T>(1.0f + epsilon * (2.0f * u - 1.0f));
      });
    }
  }

  static void forward(Exec& exec, Tensor probs, Tensor gate, Tensor log_sum, Tensor expert,
                      Tensor fraction, Tensor mean_prob, Tensor losses, Tensor logits,
                      Tensor valid) {
    const int64_t experts = logits.dim(1), groups = fraction.dim(0), size = logits.dim(0) / groups;
    double balance = 0, z = 0;
    // Ordered: the sum over groups must not depend on the number of threads.
#pragma omp parallel for ordered schedule(static, 1) num_threads(exec.threads)
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t t = g * size;
      const Group<T> group{probs.data<T>() + t * experts,
                           gate.data<T>() + t,
                           log_sum.data<T>() + t,
                           expert.data<int32_t>() + t,
                           fraction.data<T>() + g * experts,
                           mean_prob.data<T>() + g * experts,
                           logits.data<T>() + t * experts,
                           valid.data<int32_t>() + t,
                           size,
                           experts};
      const auto [group_balance, group_z] = group.forward();
#pragma omp ordered
      {
        balance += group_balance;
        z += group_z;
      }
    }
    losses.data<T>()[0] = static_cast<T>(balance);
    losses.data<T>()[1] = static_cast<T>(z);
  }

  static void backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor log_sum,
                       Tensor expert, Tensor fraction, Tensor valid, double balance_scale,
                       double z_scale) {
    const int64_t tokens = probs.dim(0), experts = probs.dim(1), groups = fraction.dim(0);
    const int64_t size = tokens / groups;
    const int32_t* is_valid = valid.data<int32_t>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t g = 0; g < groups; ++g) {
      int64_t count = 0;
      for (int64_t t = g * size; t < (g + 1) * size; ++t) count += is_valid[t] != 0;
      const double share = count == 0 ? 0.0 : 1.0 / static_cast<double>(count);
      const T balance = static_cast<T>(balance_scale * static_cast<double>(experts) * share);
      const T z = static_cast<T>(2.0 * z_scale * share);
      for (int64_t t = g * size; t < (g + 1) * size; ++t) {
        T* row = d_logits.data<T>() + t * experts;
        if (is_valid[t] == 0) {
          std::fill_n(row, experts, T(0));
          continue;
        }
        backward_row(row, probs.data<T>() + t * experts, fraction.data<T>() + g * experts,
                     expert.data<int32_t>()[t], d_gate.data<T>()[t], log_sum.data<T>()[t], balance,
                     z, experts);
      }
    }
  }
};

template struct RouterImpl<Backend::cpu, float>;
template struct RouterImpl<Backend::cpu, double>;

}  // namespace sy
