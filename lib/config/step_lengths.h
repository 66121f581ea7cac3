// SPDX-License-Identifier: Apache-2.0
// The lengths at which a step may run. With data.bucket_batches its sequences are as short as its
// longest example, rounded up, so that there are few shapes to plan for.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "lib/base/numeric.h"
#include "lib/config/run_config.h"

namespace sy {

// The most lengths of a stack.
constexpr int64_t kMostStepLengths = 32;

// Of one stack: the multiples of `unit` below the full length, and that itself.
struct StepLengths {
  int64_t full = 0;
  int64_t unit = 0;  // 0: the full length alone

  // The shortest that has room for `tokens` of at most `full`.
  int64_t fit(int64_t tokens) const {
    return unit == 0 ? full : std::min(full, round_up(std::max<int64_t>(tokens, 1), unit));
  }
  bool has(int64_t length) const {
    return length == full || (unit > 0 && 0 < length && length < full && length % unit == 0);
  }
};

// Of encoder and decoder, for a resolved configuration. The unit is a multiple of 8, as kernels
// like it, and at least 1 / kMostStepLengths of the full length. A micro-batch of every length has
// whole routing groups, as one of the full length has, and with mesh.sequence_parallel as many rows
// for each model rank. Where no unit below the full length does, and with data.bucket_batches 1,
// the full length is the only one.
std::array<StepLengths, 2> step_lengths(const RunConfig& config);

}  // namespace sy
