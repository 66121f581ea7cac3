// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_hash.h"

namespace sy {

template <class T>
struct RouterHashImpl<Backend::cpu, T> {
  static void run(Exec& exec, Tensor gate, Tensor expert, Tensor ids, Tensor valid,
                  int64_t vocabulary, int64_t experts, uint32_t site) {
    const int64_t tokens = valid.numel(), known = ids.numel();
    const int32_t *id = ids.data<int32_t>(), *is_valid = valid.data<int32_t>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t t = 0; t < tokens; ++t) {
      const bool routed = t < known && is_valid[t] != 0 && id[t] >= 0 && id[t] < vocabulary;
      expert.data<int32_t>()[t] = routed ? hash_expert(id[t], vocabulary, experts, site) : -1;
      gate.data<T>()[t] = routed ? T(1) : T(0);
    }
  }
};

template struct RouterHashImpl<Backend::cpu, float>;
template struct RouterHashImpl<Backend::cpu, double>;

}  // namespace sy
