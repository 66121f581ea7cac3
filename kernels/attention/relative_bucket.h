// SPDX-License-Identifier: Apache-2.0
// T5's relative position buckets (Raffel et al. 2020, section 2.1): half of the buckets are exact,
// half logarithmic up to max_distance. The bidirectional form gives half of the buckets to each
// direction. Usable on host and device.
#pragma once

#include <cmath>
#include <cstdint>

#include "lib/base/random.h"

namespace sy {

// The bucket of `relative` = key position - query position. The logarithm is float32 and the result
// is truncated, as in the reference implementations.
SY_HOST_DEVICE inline int relative_bucket(int64_t relative, bool bidirectional, int num_buckets,
                                          int max_distance) {
  int bucket = 0;
  int64_t distance;
  if (bidirectional) {
    num_buckets /= 2;
    if (relative > 0) bucket = num_buckets;
    distance = relative < 0 ? -relative : relative;
  } else {
    distance = relative < 0 ? -relative : 0;
  }
  const int exact = num_buckets / 2;
  if (distance < exact) return bucket + static_cast<int>(distance);
  const float ratio = logf(static_cast<float>(distance) / static_cast<float>(exact)) /
                      logf(static_cast<float>(max_distance) / static_cast<float>(exact));
  const int large = exact + static_cast<int>(ratio * static_cast<float>(num_buckets - exact));
  return bucket + (large < num_buckets - 1 ? large : num_buckets - 1);
}

}  // namespace sy
