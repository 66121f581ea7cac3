// SPDX-License-Identifier: Apache-2.0
// Nodes as `switchyard doctor node` would describe them.
#pragma once

#include <string>

#include "lib/measure/node_facts.h"

namespace sy::test {

// A node with which everything is well.
inline NodeFacts good_node(const std::string& name) {
  NodeFacts facts;
  facts.node = name;
  facts.started = 1.75e9;
  facts.cores = facts.allowed_cores = 8;
  facts.locked_memory_bytes = -1;
  facts.shared_memory.free_bytes = 1e9;
  facts.folders.resize(2);
  for (FolderFacts& folder : facts.folders) {
    folder.path = "runs";
    folder.free_bytes = 1e12;
    folder.bytes_per_second = 1e9;
  }
  facts.memory_bytes_per_second = 1e10;
  facts.float32_flops = 1e11;
  return facts;
}

}  // namespace sy::test
