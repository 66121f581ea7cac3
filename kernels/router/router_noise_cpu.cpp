// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_noise.h"

namespace sy {

template <class T>
struct RouterNoiseImpl<Backend::cpu, T> {
  static void forward(Exec& exec, Tensor noisy, Tensor logits, Tensor raw, const NoiseDraw& draw) {
    const int64_t first = draw.first_row * raw.cols();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t i = 0; i < raw.numel(); ++i) {
      const T eps = normal_draw<T>(draw.key, static_cast<uint64_t>(first + i));
      noisy.data<T>()[i] = logits.data<T>()[i] + eps * softplus(raw.data<T>()[i]);
    }
  }

  static void backward(Exec& exec, Tensor d_raw, Tensor d_noisy, Tensor d_scale, Tensor raw,
                       const NoiseDraw& draw) {
    const int64_t first = draw.first_row * raw.cols();
    const T* apart = d_scale.empty() ? nullptr : d_scale.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t i = 0; i < raw.numel(); ++i) {
      const T eps = normal_draw<T>(draw.key, static_cast<uint64_t>(first + i));
      const T d = d_noisy.data<T>()[i] * eps + (apart == nullptr ? T(0) : apart[i]);
      d_raw.data<T>()[i] = d * sigmoid(raw.data<T>()[i]);
    }
  }
};

template struct RouterNoiseImpl<Backend::cpu, float>;
template struct RouterNoiseImpl<Backend::cpu, double>;

}  // namespace sy
