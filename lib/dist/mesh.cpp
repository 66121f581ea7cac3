// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/mesh.h"

#include <algorithm>

#include "lib/dist/mesh_groups.h"

namespace sy {
namespace {

// Runs before the constructor's body splits the communicators.
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
  // `ranks` is the same list on every member; its first rank is a unique color among groups of one
  // name.
  make_groups([&](const std::vector<int>& ranks, const char* name) {
    Group group;
    group.host = world_.split(ranks.front(), name);
    SY_CHECK(group.host->size() == static_cast<int>(ranks.size()),
             "{} ranks in group {}, {} expected", group.host->size(), name, ranks.size());
    if (for_tensors && ranks.size() > 1) group.made = for_tensors(*group.host);
    return group;
  });
}

Mesh::Mesh(MeshShape shape, int rank, std::unique_ptr<Communicator> world, const MakeGroup& make)
    : own_world_(std::move(world)), world_(*own_world_), place_{shape, rank} {
  check_shape(world_, shape);
  make_groups(make);
}

void Mesh::make_groups(const MakeGroup& make) {
  const auto named = [&](const char* name) {
    Group group = make(group_ranks(name, place_), name);
    group.tensors = group.made ? group.made.get() : group.host.get();
    return group;
  };
  data_ = named("data");
  expert_ = named("expert");
  replicas_ = named("replicas");
  model_ = named("model");
}

Mesh Mesh::planned(MeshShape shape, int rank, Traffic* traffic) {
  const auto planned = [&](const char* name, int place, int size) {
    auto group = make_planned_communicator(name, place, size);
    return traffic == nullptr ? std::move(group)
                              : make_counting_communicator(std::move(group), *traffic);
  };
  return {shape, rank, planned("world", rank, shape.ranks),
          [&](const std::vector<int>& ranks, const char* name) {
            const auto here = std::find(ranks.begin(), ranks.end(), rank) - ranks.begin();
            Group group;
            group.host = planned(name, static_cast<int>(here), static_cast<int>(ranks.size()));
            return group;
          }};
}

Communicator& Mesh::reduction_group(MeshAxes axes) {
  return axes.has(MeshAxis::expert) ? replicas() : data();
}

Communicator& Mesh::along(MeshAxis axis) {
  return axis == MeshAxis::expert ? expert() : model();
}

}  // namespace sy
