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

Mesh::Mesh(Communicator& world, MeshShape shape) : world_(world), shape_(shape) {
  check_shape(world, shape);
  const int model_rank = world.rank() % shape.model;
  data_ = world.split(model_rank, "data");
  expert_ = data_->split(replica(), "expert");
  replicas_ = data_->split(expert_rank(), "replicas");
}

}  // namespace sy
