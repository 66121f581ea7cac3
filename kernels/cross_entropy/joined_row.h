// SPDX-License-Identifier: Apache-2.0
// A row's sums over the whole vocabulary from those of its shards, shared by both backends.
#pragma once

#include <cmath>

#include "kernels/cross_entropy/cross_entropy_shard.h"
#include "lib/base/host_device.h"

namespace sy {

struct JoinedRow {
  double largest, sum;  // the largest logit, and the sum of e^(logit - largest)
  double of_target;     // the target's logit

  SY_HOST_DEVICE double loss() const { return std::log(sum) + (largest - of_target); }
  SY_HOST_DEVICE double square() const { return square_of_log_z(sum, largest); }
  // The factor of e^(logit - largest) in the gradient.
  SY_HOST_DEVICE double factor(double scale, double coefficient) const {
    return softmax_scale(scale, coefficient, sum, largest) / sum;
  }
};

// gathered is [shards, rows, kShardNumbers].
SY_HOST_DEVICE inline JoinedRow joined_row(const double* gathered, int64_t shards, int64_t rows,
                                           int64_t row) {
  const auto of_shard = [&](int64_t s) { return gathered + (s * rows + row) * kShardNumbers; };
  JoinedRow joined{of_shard(0)[0], 0, 0};
  for (int64_t s = 1; s < shards; ++s) {
    if (of_shard(s)[0] > joined.largest) joined.largest = of_shard(s)[0];
  }
  for (int64_t s = 0; s < shards; ++s) {
    joined.sum += of_shard(s)[1] * std::exp(of_shard(s)[0] - joined.largest);
    joined.of_target += of_shard(s)[2];
  }
  return joined;
}

}  // namespace sy
