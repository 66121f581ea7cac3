// SPDX-License-Identifier: Apache-2.0
// Which nodes to leave out, from what each said of itself (node_facts.h).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/measure/judge_node.h"

namespace sy {

// What is wrong with each node, by name; empty for a good one.
using Complaints = std::map<std::string, std::vector<std::string>>;

// What judge_node finds, and what is wrong beside the others: each rate is compared with the median
// of the other nodes', a GPU's with that of all other GPUs. A node alone has nothing to be compared
// with.
Complaints judge_nodes(const std::vector<NodeFacts>& nodes, const NodeLimits& limits);

// The one of `names` that means the host `host`, "" if none does: its own name, or else one of the
// two without what follows the first point, as "host1" means host1.cluster.
std::string name_among(const std::vector<std::string>& names, const std::string& host);

}  // namespace sy
