// SPDX-License-Identifier: Apache-2.0
// The meshes that a search tries.
#pragma once

#include <string>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

// What a search may change of a configuration.
struct MeshChoice {
  int64_t model = 1, expert = 1, zero_stage = 0;
  bool sequence_parallel = false;
  Recompute recompute = Recompute::none;
  int64_t micro_batch = 1;

  void apply(RunConfig& config) const;
  std::string str() const;  // "model 2, expert 4, zero 1, sequence_parallel, recompute blocks, ..."
};

// Every mesh of so many ranks, by its model and expert axes, with all that may be chosen for it,
// what asks least of it first. Micro-batches are left at 1. Without experts the expert axis is 1,
// and ZeRO-1 needs two data ranks.
std::vector<std::vector<MeshChoice>> mesh_choices(const RunConfig& config, int ranks);

}  // namespace sy
