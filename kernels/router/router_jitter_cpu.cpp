// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/philox_fill.h"
#include "kernels/router/router_jitter.h"

namespace sy {

template <class Out, class In>
struct RouterJitterImpl<Backend::cpu, Out, In> {
  using C = Compute<In>;

  static void run(Exec& exec, Tensor out, Tensor x, float epsilon, const RandomKey& key,
                  int64_t first_row) {
    const int64_t rows = x.rows(), cols = x.cols();
    Out* po = out.data<Out>();
    const In* px = x.data<In>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      const uint64_t first = static_cast<uint64_t>((first_row + r) * cols);
      Out* to = po + r * cols;
      const In* from = px + r * cols;
      for_each_uniform(key, first, cols, [=](int64_t c, float u) {
        put(to[c], C(from[c]) * static_cast<C>(1.0f + epsilon * (2.0f * u - 1.0f)));
      });
    }
  }
};

template struct RouterJitterImpl<Backend::cpu, float, float>;
template struct RouterJitterImpl<Backend::cpu, double, double>;
template struct RouterJitterImpl<Backend::cpu, float, BFloat16>;
template struct RouterJitterImpl<Backend::cpu, BFloat16, float>;

}  // namespace sy
