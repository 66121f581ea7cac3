// Copying a part of a tensor between two memories that hold different slabs of it.
#pragma once

#include "lib/tensor/slab.h"

namespace sy::checkpoint {

// The elements of `common`, which both slabs have, as stretches that are contiguous in row-major
// memory of slab `to` as well as of slab `from`.
class SlabRuns {
 public:
  SlabRuns(const Slab& common, const Slab& to, const Slab& from)
      : common_(common), to_(to), from_(from), leading_(common.rank()) {
    while (leading_ > 0) {
      const int axis = --leading_;
      length_ *= common.extent[axis];
      if (common.extent[axis] != to.extent[axis] || common.extent[axis] != from.extent[axis]) break;
    }
  }

  int64_t length() const { return length_; }  // elements of each
  int64_t count() const { return common_.numel() / length_; }

  // use(first element in `to`, first element in `from`) for each of them.
  template <class Use>
  void each(const Use& use) const {
    for (int64_t run = 0; run < count(); ++run) {
      Shape at = common_.offset;
      for (int64_t axis = leading_ - 1, rest = run; axis >= 0; --axis) {
        at[static_cast<int>(axis)] += rest % common_.extent[static_cast<int>(axis)];
        rest /= common_.extent[static_cast<int>(axis)];
      }
      use(position(to_, at), position(from_, at));
    }
  }

 private:
  static int64_t position(const Slab& slab, const Shape& at) {
    int64_t element = 0;
    for (int axis = 0; axis < slab.rank(); ++axis) {
      element = element * slab.extent[axis] + at[axis] - slab.offset[axis];
    }
    return element;
  }

  Slab common_, to_, from_;
  int leading_;  // axes before a stretch's
  int64_t length_ = 1;
};

}  // namespace sy::checkpoint
