// SPDX-License-Identifier: Apache-2.0
// What a failed comparison (replay.h) says of ranks.
#pragma once

#include <string>
#include <vector>

#include "lib/dist/mesh.h"

namespace sy {

// "rank 1 (node7) and rank 3 (node8)". Collective over the world.
std::string name_ranks(const std::vector<int>& ranks, Mesh& mesh);

// Of ranks that should have the same value, those that have another than most of them; all of them
// if there is no majority; none if all values are the same.
std::vector<int> unlike(const std::vector<int>& ranks, const std::vector<uint64_t>& values);

// The other ranks whose activations reach `rank` within a step, in world order.
std::vector<int> exchanging_with(int rank, const MeshShape& shape);

}  // namespace sy
