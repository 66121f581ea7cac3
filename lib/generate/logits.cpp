// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/logits.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/vector_math.h"
#include "lib/base/error.h"

namespace sy {

double log_sum_exp(std::span<const float> logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const float logit : logits) total += static_cast<double>(vector_exp(logit - largest));
  const double result = static_cast<double>(largest) + std::log(total);
  if (!std::isfinite(result)) {
    throw RuntimeFailure(
        "logits are not finite; the checkpoint may be corrupt or of a run that diverged");
  }
  return result;
}

}  // namespace sy
