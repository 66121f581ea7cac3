// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_sample.h"

#include "kernels/dispatch_dtype.h"

namespace sy {

void router_sample(Exec& exec, Tensor scores, Tensor logits, float temperature,
                   const RandomKey& key, int64_t first_row) {
  SY_CHECK(scores.shape() == logits.shape() && scores.dtype() == logits.dtype() && temperature > 0,
           "router_sample: scores {} of logits {} at temperature {}", scores.shape().str(),
           logits.shape().str(), temperature);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, logits.dtype(), "router_sample", [&]<Backend B, class T>() {
    RouterSampleImpl<B, T>::run(exec, scores, logits, temperature, key, first_row);
  });
}

}  // namespace sy
