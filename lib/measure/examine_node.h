// SPDX-License-Identifier: Apache-2.0
// The check of one node alone: no MPI, nobody to wait for.
#pragma once

#include <string>

#include "lib/measure/node_facts.h"

namespace sy {

// Takes some seconds: watches other processes for half a second, then measures memory, products,
// GPUs, and writing to `folder` (run.directory, made where it is missing) and to TMPDIR. What fails
// is noted, not thrown.
NodeFacts examine_node(const std::string& folder);

}  // namespace sy
