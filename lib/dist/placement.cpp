// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/placement.h"

#include "lib/base/numeric.h"

namespace sy {
namespace {

// The ranks of the world for whose place `holds` returns true.
template <class Holds>
std::vector<int> ranks_where(const MeshShape& shape, const Holds& holds) {
  std::vector<int> ranks;
  for (int rank = 0; rank < shape.ranks; ++rank) {
    if (holds(MeshPlace{shape, rank})) ranks.push_back(rank);
  }
  return ranks;
}

}  // namespace

Placement Placement::expert() {
  Placement placement;
  placement.cut_[static_cast<int>(MeshAxis::expert)] = 0;
  return placement;
}

Placement Placement::model(int axis) {
  SY_CHECK(axis >= 0 && axis < Shape::kMaxRank, "a cut along axis {}", axis);
  Placement placement;
  placement.cut_[static_cast<int>(MeshAxis::model)] = axis;
  return placement;
}

Placement Placement::expert_and_model(int axis) {
  SY_CHECK(axis > 0, "axis {} is the experts'", axis);
  Placement placement = model(axis);
  placement.cut_[static_cast<int>(MeshAxis::expert)] = 0;
  return placement;
}

MeshAxes Placement::axes() const {
  MeshAxes axes;
  for (const MeshAxis axis : kMeshAxes) {
    if (cut_by(axis)) axes.add(axis);
  }
  return axes;
}

Placement Placement::only(MeshAxis axis) const {
  Placement placement;
  placement.cut_[static_cast<int>(axis)] = cut_[static_cast<int>(axis)];
  return placement;
}

int Placement::axis_of(MeshAxis axis) const {
  return cut_[static_cast<int>(axis)];
}

Slab Placement::slab(const Shape& global, const MeshPlace& place) const {
  Slab slab = Slab::whole(global);
  for (const MeshAxis axis : kMeshAxes) {
    if (!cut_by(axis)) continue;
    const int cut = cut_[static_cast<int>(axis)];
    SY_CHECK(cut < global.rank(), "axis {} of {} cannot be cut", cut, global.str());
    slab.extent[cut] = div_exact(slab.extent[cut], place.size_along(axis));
    slab.offset[cut] += place.rank_along(axis) * slab.extent[cut];
  }
  return slab;
}

int64_t Placement::slices(const Shape& shape) const {
  return cut_by(MeshAxis::expert) ? shape[0] : 1;
}

Shape Placement::slice_shape(const Shape& shape) const {
  return cut_by(MeshAxis::expert) ? shape.without_first() : shape;
}

std::vector<int> holders(MeshAxes axes, const MeshPlace& place) {
  return ranks_where(place.shape, [&](const MeshPlace& other) {
    for (const MeshAxis axis : kMeshAxes) {
      if (axes.has(axis) && other.rank_along(axis) != place.rank_along(axis)) return false;
    }
    return true;
  });
}

std::vector<int> reduction_ranks(MeshAxes axes, const MeshPlace& place) {
  axes.add(MeshAxis::model);
  return holders(axes, place);
}

std::vector<int> ranks_along(MeshAxis axis, const MeshPlace& place) {
  return ranks_where(place.shape, [&](const MeshPlace& other) {
    if (axis == MeshAxis::model) return other.data_rank() == place.data_rank();
    return other.replica() == place.replica() && other.model_rank() == place.model_rank();
  });
}

// The holders differ in up to three coordinates. In world order the last of these counts fastest.
bool writes(MeshAxes axes, const MeshPlace& place, int64_t number, bool owned) {
  int64_t count = 1, here = 0;
  const auto differ_in = [&](int size, int at) {
    count *= size;
    here = here * size + at;
  };
  if (!owned) differ_in(place.shape.replicas(), place.replica());
  if (!owned && !axes.has(MeshAxis::expert)) differ_in(place.shape.expert, place.expert_rank());
  if (!axes.has(MeshAxis::model)) differ_in(place.shape.model, place.model_rank());
  return here == number % count;
}

}  // namespace sy
