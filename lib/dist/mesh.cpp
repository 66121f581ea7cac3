#include "lib/dist/mesh.h"

namespace sy {
namespace {

// The communicators are split in the constructor's body, after this.
void check_shape(const Communicator& world, const MeshShape& shape) {
  SY_CHECK(shape.ranks == world.size(), "a mesh of {} ranks over {}", shape.ranks, world.size());
  if (shape.model < 1 || shape.ranks % shape.model != 0) {
    throw ConfigError(fmt::format(
        "mesh.model: {} does not divide the {} ranks: choose a divisor, or start another number of "
        "ranks",
        shape.model, shape.ranks));
  }
  if (shape.expert < 1 || shape.data() % shape.expert != 0) {
    throw ConfigError(
        fmt::format("mesh.expert: {} does not divide the {} data ranks: choose a divisor, or auto",
                    shape.expert, shape.data()));
  }
}

}  // namespace

Mesh::Mesh(Communicator& world, MeshShape shape, const GroupMaker& for_tensors)
    : world_(world), place_{shape, world.rank()} {
  check_shape(world, shape);
  data_ = group_of(reduction_ranks({}, place_), "data", for_tensors);
  expert_ = group_of(ranks_along(MeshAxis::expert, place_), "expert", for_tensors);
  replicas_ = group_of(reduction_ranks({MeshAxis::expert}, place_), "replicas", for_tensors);
  model_ = group_of(ranks_along(MeshAxis::model, place_), "model", for_tensors);
}

// `ranks` is the same list on all that are in it; their first tells the groups of a name apart.
Mesh::Group Mesh::group_of(const std::vector<int>& ranks, const char* name,
                           const GroupMaker& for_tensors) {
  Group group;
  group.host = world_.split(ranks.front(), name);
  SY_CHECK(group.host->size() == static_cast<int>(ranks.size()),
           "{} ranks in group {}, {} expected", group.host->size(), name, ranks.size());
  if (for_tensors && ranks.size() > 1) group.made = for_tensors(*group.host);
  group.tensors = group.made ? group.made.get() : group.host.get();
  return group;
}

Communicator& Mesh::reduction_group(MeshAxes axes) {
  return axes.has(MeshAxis::expert) ? replicas() : data();
}

Communicator& Mesh::along(MeshAxis axis) {
  return axis == MeshAxis::expert ? expert() : model();
}

}  // namespace sy
