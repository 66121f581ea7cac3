// SPDX-License-Identifier: Apache-2.0
// What is wrong with a node by itself, and the limits of all checks of nodes.
#pragma once

#include <string>
#include <vector>

#include "lib/measure/node_facts.h"

namespace sy {

struct NodeLimits {
  double least_rate = 0.8;        // of memory and products: share of the others' median
  double least_disk_rate = 0.2;   // of writing, which scatters more
  double most_clock_seconds = 5;  // between a node's start and the others' median
  double most_foreign_cores = 0.5;
  double least_free_bytes = 1e9;         // in run.directory and TMPDIR
  double least_shared_bytes = 32 << 20;  // in /dev/shm: Open MPI takes 4 MiB a rank there
};

// What is wrong with a node whatever the others are.
std::vector<std::string> judge_node(const NodeFacts& facts, const NodeLimits& limits);

// One line that names the limits.
std::string describe_limits(const NodeLimits& limits);

}  // namespace sy
