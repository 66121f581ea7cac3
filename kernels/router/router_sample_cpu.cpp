// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/router/router_sample.h"

namespace sy {

template <class T>
struct RouterSampleImpl<Backend::cpu, T> {
  static void run(Exec& exec, Tensor scores, Tensor logits, float temperature, const RandomKey& key,
                  int64_t first_row) {
    const int64_t experts = logits.cols(), count = logits.numel();
    const T* from = logits.data<T>();
    T* to = scores.data<T>();
    const T inverse = T(1) / static_cast<T>(temperature);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t i = 0; i < count; ++i) {
      const uint32_t word = random_word(key, static_cast<uint64_t>(first_row * experts + i));
      to[i] = from[i] * inverse - std::log(-std::log(static_cast<T>(open_uniform(word))));
    }
  }
};

template struct RouterSampleImpl<Backend::cpu, float>;
template struct RouterSampleImpl<Backend::cpu, double>;

}  // namespace sy
