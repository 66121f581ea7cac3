// SPDX-License-Identifier: Apache-2.0
// Who else computes on this node.
#pragma once

#include <vector>

#include "lib/measure/node_facts.h"

namespace sy {

// Watches /proc for `seconds` and returns the processes that kept at least a tenth of a core busy
// meanwhile, the busiest first, at most ten. This one is not among them.
std::vector<ForeignProcess> find_busy_processes(double seconds);

// Owner and command of a process; "?" for what cannot be read.
ForeignProcess describe_process(int64_t pid);

}  // namespace sy
