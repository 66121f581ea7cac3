// SPDX-License-Identifier: Apache-2.0
// Reading a stored slab from its file into the memory of a tensor that holds another slab.
#pragma once

#include <string>
#include <vector>

#include "lib/checkpoint/hdf5/hdf5_file.h"
#include "lib/checkpoint/read_plan.h"

namespace sy::checkpoint {

// The elements that two slabs share, as runs that are contiguous in the row-major memory of both.
class SlabRuns {
 public:
  // `common` lies within both `to` and `from`.
  SlabRuns(const Slab& common, const Slab& to, const Slab& from)
      : common_(common), to_(to), from_(from), leading_(common.rank()) {
    while (leading_ > 0) {
      const int axis = --leading_;
      length_ *= common.extent[axis];
      if (common.extent[axis] != to.extent[axis] || common.extent[axis] != from.extent[axis]) break;
    }
  }

  int64_t length() const { return length_; }  // elements in each run
  int64_t count() const { return common_.numel() / length_; }

  // Calls use(first element in `to`, first element in `from`) for each run.
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
  int leading_;  // axes that number the runs
  int64_t length_ = 1;
};

// Throws DataError naming the dataset if the values do not have this checksum.
void check_contents(const Tensor& values, uint64_t expected, const std::string& path,
                    const std::string& dataset);

// Reads the whole stored slab into `buffer`, which grows as needed, and checks it. The result views
// the buffer.
Tensor read_buffered(const Hdf5File& file, const std::string& path, const SlabRead& read,
                     std::vector<char>& buffer);

// Copies the part of the stored slab that `read` wants to its place in `read.local`, and leaves the
// rest of that memory alone. Without `copy`, a slab that lies there in one run is read in place.
void read_slab(const Hdf5File& file, const std::string& path, const SlabRead& read,
               std::vector<char>& buffer, const CheckpointCopy& copy);

}  // namespace sy::checkpoint
