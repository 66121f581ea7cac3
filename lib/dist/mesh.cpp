#include "lib/dist/mesh.h"

#include "lib/dist/counting_communicator.h"
#include "lib/dist/planned_communicator.h"

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

// The group that tensors use: made of the host's, or the host's itself.
Communicator* group_for_tensors(const GroupMaker& make, Communicator& host,
                                std::unique_ptr<Communicator>& made) {
  if (!make || host.size() == 1) return &host;
  made = make(host);
  return made.get();
}

}  // namespace

Mesh::Mesh(Communicator& world, MeshShape shape, const GroupMaker& for_tensors)
    : world_(world), shape_(shape) {
  check_shape(world, shape);
  const int model_rank = world.rank() % shape.model;
  host_data_ = world.split(model_rank, "data");
  host_expert_ = host_data_->split(replica(), "expert");
  host_replicas_ = host_data_->split(expert_rank(), "replicas");
  data_ = group_for_tensors(for_tensors, *host_data_, made_data_);
  expert_ = group_for_tensors(for_tensors, *host_expert_, made_expert_);
  replicas_ = group_for_tensors(for_tensors, *host_replicas_, made_replicas_);
}

Mesh::Mesh(MeshShape shape, int rank, const PlannedGroup& group)
    : own_world_(group("world", rank, shape.ranks)), world_(*own_world_), shape_(shape) {
  check_shape(world_, shape);
  host_data_ = group("data", data_rank(), shape.data());
  host_expert_ = group("expert", expert_rank(), shape.expert);
  host_replicas_ = group("replicas", replica(), shape.replicas());
  data_ = host_data_.get();
  expert_ = host_expert_.get();
  replicas_ = host_replicas_.get();
}

Mesh Mesh::planned(MeshShape shape, int rank, Traffic* traffic) {
  return {shape, rank, [traffic](const char* name, int place, int size) {
            auto group = make_planned_communicator(name, place, size);
            if (traffic == nullptr) return group;
            return make_counting_communicator(std::move(group), *traffic);
          }};
}

}  // namespace sy
