// SPDX-License-Identifier: Apache-2.0
// How long ranks that compute equally much wait for each other.
#pragma once

#include <vector>

#include "lib/dist/communicator.h"

namespace sy {

// Of kWaitIntervals (device.h), the seconds by which a call that all ranks make, after computing
// products for so long, ends later than it does for the slowest rank alone: in each interval
// another rank may be the slowest. On the CPU, with `threads` a rank. The same on all ranks.
// Collective.
std::vector<double> measure_call_waits(Communicator& world, int threads);

}  // namespace sy
