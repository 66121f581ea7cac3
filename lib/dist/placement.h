// SPDX-License-Identifier: Apache-2.0
// How a tensor is sharded over the mesh: for each mesh axis, which tensor axis it splits into equal
// shards, one per rank. This is the only place that describes how a model is split. The slab that a
// rank holds, the group that reduces its gradients, the rank that writes it to a checkpoint and the
// slices of a conversion all follow from it.
#pragma once

#include <vector>

#include "lib/dist/mesh_shape.h"
#include "lib/tensor/slab.h"

namespace sy {

class Placement {
 public:
  static Placement replicated() { return {}; }
  static Placement expert();                    // [experts, ...]: experts spread over axis 0
  static Placement model(int axis);             // `axis` is split over the model ranks
  static Placement expert_and_model(int axis);  // both; `axis` > 0

  bool cut_by(MeshAxis axis) const { return cut_[static_cast<int>(axis)] >= 0; }
  MeshAxes axes() const;                // the mesh axes that shard it
  Placement only(MeshAxis axis) const;  // keeps the sharding of one mesh axis
  int axis_of(MeshAxis axis) const;     // the tensor axis that it shards, or -1
  bool operator==(const Placement&) const = default;

  // The slab of a tensor of shape `global` that the rank at `place` holds. An axis that does not
  // divide evenly is an InternalError.
  Slab slab(const Shape& global, const MeshPlace& place) const;

  // A tensor sharded over the experts is a stack of independent tensors, one per expert; any other
  // tensor is a single slice. `shape` is the global or the local shape.
  int64_t slices(const Shape& shape) const;
  Shape slice_shape(const Shape& shape) const;

 private:
  static constexpr int kNone = -1;
  int cut_[2] = {kNone, kNone};  // tensor axis, by mesh axis
};

// Lists of ranks in world order, each containing `place`. `axes` are the mesh axes that shard the
// tensor.

// The ranks that hold the same slab as `place`.
std::vector<int> holders(MeshAxes axes, const MeshPlace& place);

// The holders whose gradients are summed. They see different sequences and therefore belong to one
// model rank: the ranks of a model group see the same sequences and compute the same gradient of
// what they all hold.
std::vector<int> reduction_ranks(MeshAxes axes, const MeshPlace& place);

// The ranks that differ from `place` along `axis` alone. Summing a per-slab value, such as a sum of
// squares, along each axis that shards the tensor gives the value of the whole tensor; replicas are
// not counted twice.
std::vector<int> ranks_along(MeshAxis axis, const MeshPlace& place);

// Whether the rank at `place` writes its slab of the checkpoint's tensor `number`. Exactly one of
// the holders does; they take turns by tensor number. If `owned`, each reduction rank has a slab of
// its own, which it shares with its model group at most.
bool writes(MeshAxes axes, const MeshPlace& place, int64_t number, bool owned = false);

}  // namespace sy
