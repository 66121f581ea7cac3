// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/mesh_groups.h"

#include <numeric>

#include "lib/base/error.h"
#include "lib/dist/placement.h"

namespace sy {

std::vector<int> group_ranks(std::string_view name, const MeshPlace& place) {
  if (name == "data") return reduction_ranks({}, place);
  if (name == "expert") return ranks_along(MeshAxis::expert, place);
  if (name == "replicas") return reduction_ranks({MeshAxis::expert}, place);
  if (name == "model") return ranks_along(MeshAxis::model, place);
  SY_CHECK(name == "world", "a mesh has no group {}", name);
  std::vector<int> all(static_cast<size_t>(place.shape.ranks));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace sy
