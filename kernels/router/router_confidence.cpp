// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_confidence.h"

#include "kernels/dispatch_dtype.h"

namespace sy {

void router_confidence(Exec& exec, Tensor routed, Tensor entropy, Tensor largest, Tensor probs,
                       Tensor expert) {
  const int64_t tokens = probs.dim(0);
  SY_CHECK(routed.numel() == tokens && entropy.numel() == tokens && largest.numel() == tokens &&
               expert.dim(0) == tokens,
           "router_confidence: routed {}, entropy {}, largest {}, probs {}, expert {}",
           routed.shape().str(), entropy.shape().str(), largest.shape().str(), probs.shape().str(),
           expert.shape().str());
  if (exec.planning || tokens == 0) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, probs.dtype(), "router_confidence", [&]<Backend B, class T>() {
    RouterConfidenceImpl<B, T>::run(exec, routed, entropy, largest, probs, expert);
  });
}

}  // namespace sy
