// SPDX-License-Identifier: Apache-2.0
// A rectangular part of a tensor: its offset and extent on every axis. Placements, checkpoints and
// conversion describe parts of tensors with it.
#pragma once

#include <algorithm>
#include <string>

#include "lib/tensor/tensor.h"

namespace sy {

struct Slab {
  Shape offset;  // index of the first element on each axis
  Shape extent;  // number of elements along each axis

  static Slab whole(const Shape& shape) {
    Slab slab{shape, shape};
    for (int axis = 0; axis < shape.rank(); ++axis) slab.offset[axis] = 0;
    return slab;
  }
  int rank() const { return extent.rank(); }
  int64_t numel() const { return extent.numel(); }
  // One past the last element along `axis`.
  int64_t end(int axis) const { return offset[axis] + extent[axis]; }
  bool operator==(const Slab& other) const {
    return offset == other.offset && extent == other.extent;
  }
  std::string str() const { return extent.str() + " at " + offset.str(); }
};

// Whether the slab lies within a tensor of shape `global` and has an extent of at least 1 on every
// axis.
inline bool lies_within(const Slab& slab, const Shape& global) {
  if (slab.rank() != global.rank() || slab.offset.rank() != global.rank()) return false;
  for (int axis = 0; axis < global.rank(); ++axis) {
    if (slab.offset[axis] < 0 || slab.extent[axis] < 1 || slab.end(axis) > global[axis])
      return false;
  }
  return true;
}

// The intersection of two slabs of one tensor; its extent is 0 on axes along which they do not
// meet.
inline Slab overlap(const Slab& a, const Slab& b) {
  SY_CHECK(a.rank() == b.rank(), "slabs of rank {} and {}", a.rank(), b.rank());
  Slab common = a;
  for (int axis = 0; axis < a.rank(); ++axis) {
    common.offset[axis] = std::max(a.offset[axis], b.offset[axis]);
    common.extent[axis] =
        std::max<int64_t>(0, std::min(a.end(axis), b.end(axis)) - common.offset[axis]);
  }
  return common;
}

// The row-major index, within a tensor of shape `global`, of the slab's element `element`, which is
// itself counted row-major within the slab.
inline int64_t index_in_whole(const Slab& slab, const Shape& global, int64_t element) {
  int64_t index = 0, stride = 1;
  for (int axis = slab.rank() - 1; axis >= 0; --axis) {
    index += (slab.offset[axis] + element % slab.extent[axis]) * stride;
    element /= slab.extent[axis];
    stride *= global[axis];
  }
  return index;
}

}  // namespace sy
