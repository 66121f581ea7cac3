// SPDX-License-Identifier: Apache-2.0
// The shape, axes and coordinates of the data x expert x model mesh. Plain numbers without
// communicators, so they also describe meshes that are only planned.
#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>

namespace sy {

struct MeshShape {
  int ranks = 1;
  int model = 1;   // size of a model group; its ranks are adjacent in the world
  int expert = 1;  // data ranks that one set of experts is spread over; divides data()
  int data() const { return ranks / model; }
  int replicas() const { return data() / expert; }  // copies of each expert
};

// The mesh axes that can shard a tensor (placement.h).
enum class MeshAxis : uint8_t { expert, model };
constexpr MeshAxis kMeshAxes[] = {MeshAxis::expert, MeshAxis::model};

// A set of axes. Sets are ordered: none, {expert}, {model}, both.
class MeshAxes {
 public:
  constexpr MeshAxes() = default;
  constexpr MeshAxes(std::initializer_list<MeshAxis> axes) {
    for (const MeshAxis axis : axes) add(axis);
  }
  constexpr void add(MeshAxis axis) { bits_ = static_cast<uint8_t>(bits_ | bit(axis)); }
  constexpr bool has(MeshAxis axis) const { return (bits_ & bit(axis)) != 0; }
  constexpr auto operator<=>(const MeshAxes&) const = default;

 private:
  static constexpr int bit(MeshAxis axis) { return 1 << static_cast<int>(axis); }
  uint8_t bits_ = 0;
};

// A rank's coordinates. The world is data x model, and data is replicas x expert.
struct MeshPlace {
  MeshShape shape;
  int rank = 0;  // in the world

  int data_rank() const { return rank / shape.model; }
  int model_rank() const { return rank % shape.model; }
  int expert_rank() const { return data_rank() % shape.expert; }
  int replica() const { return data_rank() / shape.expert; }

  int size_along(MeshAxis axis) const {
    return axis == MeshAxis::expert ? shape.expert : shape.model;
  }
  int rank_along(MeshAxis axis) const {
    return axis == MeshAxis::expert ? expert_rank() : model_rank();
  }
};

}  // namespace sy
