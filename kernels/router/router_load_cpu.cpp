// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/router/router_load.h"
#include "kernels/router/token_order.h"

namespace sy {
namespace {

// One token: its logits with noise, and the experts that are its k-th and (k+1)-th, or -1 if there
// is none.
template <class T>
struct NoisyToken {
  const T *noisy, *raw;
  const NoiseDraw& draw;
  int64_t first;  // element of expert 0
  int experts, last_in = -1, first_out = -1;

  int next(int last) const {
    int best = -1;
    for (int e = 0; e < experts; ++e) {
      if (last >= 0 && !comes_after(noisy[e], e, noisy[last], last)) continue;
      if (best < 0 || noisy[e] > noisy[best]) best = e;
    }
    return std::max(best, 0);  // with NaN there may be none
  }
  void find(int64_t k) {
    if (experts <= k) return;
    for (int64_t j = 0; j < k; ++j) last_in = next(last_in);
    first_out = next(last_in);
  }
  bool is_in(int e) const { return !comes_after(noisy[e], e, noisy[last_in], last_in); }
  // H_e - T_e.
  T margin(int e) const { return noisy[e] - noisy[is_in(e) ? first_out : last_in]; }
  T scale(int e) const { return softplus(raw[e]); }
  // (logit_e - T_e) / s_e.
  T z(int e) const {
    const T eps = normal_draw<T>(draw.key, static_cast<uint64_t>(first + e));
    return margin(e) / scale(e) - eps;
  }
};

template <class T>
NoisyToken<T> noisy_token(Tensor noisy, Tensor raw, const NoiseDraw& draw, int64_t t, int64_t k) {
  const int64_t experts = noisy.dim(1);
  NoisyToken<T> token{noisy.data<T>() + t * experts, raw.data<T>() + t * experts, draw,
                      (draw.first_row + t) * experts, static_cast<int>(experts)};
  token.find(k);
  return token;
}

// Adds to d_noisy and overwrites d_scale of a token; d_loads is its group's.
template <class T>
void backward_token(T* d_noisy, T* d_scale, const T* d_loads, const NoisyToken<T>& token,
                    T factor) {
  for (int e = 0; e < token.experts; ++e) {
    const T s = token.scale(e), g = factor * d_loads[e] * normal_density(token.z(e)) / s;
    d_noisy[e] += g;
    d_noisy[token.is_in(e) ? token.first_out : token.last_in] -= g;
    d_scale[e] = -g * token.margin(e) / s;
  }
}

}  // namespace

template <class T>
struct RouterLoadImpl<Backend::cpu, T> {
  static void forward(Exec& exec, Tensor loads, Tensor noisy, Tensor raw, Tensor valid, int64_t k,
                      const NoiseDraw& draw, Tensor) {
    const int64_t groups = loads.dim(0), experts = loads.dim(1), size = valid.numel() / groups;
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t g = 0; g < groups; ++g) {
      T* to = loads.data<T>() + g * experts;
      std::fill_n(to, experts, T(0));
      for (int64_t t = g * size; t < (g + 1) * size; ++t) {
        if (valid.data<int32_t>()[t] == 0) continue;
        const NoisyToken<T> token = noisy_token<T>(noisy, raw, draw, t, k);
        for (int e = 0; e < token.experts; ++e) {
          to[e] += experts <= k ? T(1) : normal_below(token.z(e));
        }
      }
    }
  }

  static void backward(Exec& exec, Tensor d_noisy, Tensor d_scale, Tensor d_loads, Tensor noisy,
                       Tensor raw, Tensor valid, int64_t k, const NoiseDraw& draw, double scale) {
    const int64_t tokens = valid.numel(), experts = noisy.dim(1);
    const int64_t size = tokens / d_loads.dim(0);
    const T factor = static_cast<T>(scale);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < tokens; ++t) {
      T* of_scale = d_scale.data<T>() + t * experts;
      std::fill_n(of_scale, experts, T(0));
      if (valid.data<int32_t>()[t] == 0 || experts <= k) continue;
      backward_token(d_noisy.data<T>() + t * experts, of_scale,
                     d_loads.data<T>() + t / size * experts, noisy_token<T>(noisy, raw, draw, t, k),
                     factor);
    }
  }
};

template struct RouterLoadImpl<Backend::cpu, float>;
template struct RouterLoadImpl<Backend::cpu, double>;

}  // namespace sy
