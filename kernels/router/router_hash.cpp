// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_hash.h"

#include "kernels/dispatch_dtype.h"

namespace sy {

void router_hash(Exec& exec, Tensor gate, Tensor expert, Tensor ids, Tensor valid,
                 int64_t vocabulary, int64_t experts, uint32_t site) {
  const int64_t tokens = valid.numel();
  SY_CHECK(expert.numel() == tokens && gate.numel() == tokens && ids.numel() <= tokens,
           "router_hash: {} experts and {} gates of {} tokens with {} ids", expert.numel(),
           gate.numel(), tokens, ids.numel());
  SY_CHECK(vocabulary > 0 && vocabulary <= (int64_t{1} << 30) && experts > 0,
           "router_hash: {} experts for a vocabulary of {}", experts, vocabulary);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, gate.dtype(), "router_hash", [&]<Backend B, class T>() {
    RouterHashImpl<B, T>::run(exec, gate, expert, ids, valid, vocabulary, experts, site);
  });
}

}  // namespace sy
