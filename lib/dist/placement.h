// Where a tensor lies in the mesh: for each mesh axis, which of the tensor's axes it cuts into
// equal parts, one a rank. Every way to split a model is told here; which slab a rank holds, who
// sums its gradients, who writes it to a checkpoint and what conversion carries at a time follow.
#pragma once

#include <vector>

#include "lib/dist/mesh_shape.h"
#include "lib/tensor/slab.h"

namespace sy {

class Placement {
 public:
  static Placement replicated() { return {}; }
  static Placement expert();                    // [experts, ...]: axis 0 is the expert
  static Placement model(int axis);             // `axis` is cut over the model ranks
  static Placement expert_and_model(int axis);  // [experts, ...], and `axis` > 0 of each

  bool cut_by(MeshAxis axis) const { return cut_[static_cast<int>(axis)] >= 0; }
  MeshAxes axes() const;                // all that cut it
  Placement only(MeshAxis axis) const;  // what is left where no other mesh axis cuts
  bool operator==(const Placement&) const = default;

  // The part of a tensor of shape `global` that lies at `place`. A cut that does not come out even
  // is an InternalError.
  Slab slab(const Shape& global, const MeshPlace& place) const;

  // A tensor cut along the experts is a stack of tensors in their own right, one an expert; any
  // other is one. `shape` is global, or what a rank has of it.
  int64_t slices(const Shape& shape) const;
  Shape slice_shape(const Shape& shape) const;

 private:
  static constexpr int kNone = -1;
  int cut_[2] = {kNone, kNone};  // tensor axis, by mesh axis
};

// Lists of ranks, in the order of the world; `place` is in each. `axes` are those that cut a
// tensor.

// The ranks that hold the same slab as `place`.
std::vector<int> holders(MeshAxes axes, const MeshPlace& place);

// Those of them whose gradients of it are summed. They see different sequences, so they are of one
// model rank: model ranks see the same, and what they all hold gets the same gradient on each.
std::vector<int> reduction_ranks(MeshAxes axes, const MeshPlace& place);

// The ranks that differ from `place` along `axis` alone. Numbers of slabs, such as sums of squares,
// are the whole tensor's once they are summed along each axis that cuts it, copies not counted.
std::vector<int> ranks_along(MeshAxis axis, const MeshPlace& place);

// Whether `place` writes its slab of a checkpoint's tensor `number`: one of the holders does, and
// they take turns.
bool writes(MeshAxes axes, const MeshPlace& place, int64_t number);

}  // namespace sy
