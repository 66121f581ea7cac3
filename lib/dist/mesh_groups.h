// SPDX-License-Identifier: Apache-2.0
// The groups of a mesh by name: which ranks each consists of.
#pragma once

#include <string_view>
#include <vector>

#include "lib/dist/mesh_shape.h"

namespace sy {

// Beside "world", which is all ranks.
constexpr const char* kMeshGroups[] = {"data", "expert", "replicas", "model"};

// The ranks, in world order, of the group of this name that `place` belongs to. Any other name is
// an InternalError.
std::vector<int> group_ranks(std::string_view name, const MeshPlace& place);

}  // namespace sy
