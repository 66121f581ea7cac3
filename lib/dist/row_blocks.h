// SPDX-License-Identifier: Apache-2.0
// The blocks of an all-to-all as element ranges of a tensor.
#pragma once

#include <algorithm>

#include "lib/dist/communicator.h"

namespace sy::detail {

struct Block {
  int64_t first;  // element
  int64_t count;
};

inline void* address(Tensor tensor, int64_t element) {
  return static_cast<char*>(tensor.raw()) + element * static_cast<int64_t>(size_of(tensor.dtype()));
}

// The blocks that one side of an exchange sends or receives: each() of them for every rank.
class RowBlocks {
 public:
  RowBlocks(Tensor tensor, const std::vector<RowRange>& rows, int ranks)
      : width_(tensor.numel() / std::max<int64_t>(tensor.dim(0), 1)),
        each_(rows.size() / static_cast<size_t>(ranks)),
        rows_(rows.data()) {}

  size_t each() const { return each_; }
  Block operator()(int peer, size_t number) const {
    const RowRange& range = rows_[static_cast<size_t>(peer) * each_ + number];
    return {range.first * width_, range.count * width_};
  }

 private:
  int64_t width_;
  size_t each_;
  const RowRange* rows_;
};

// One block per rank: equal shares of a tensor.
struct EqualBlocks {
  int64_t count;

  static size_t each() { return 1; }
  Block operator()(int peer, size_t) const { return {peer * count, count}; }
};

// The same block for every rank.
struct SameBlock {
  Block block;

  static size_t each() { return 1; }
  Block operator()(int, size_t) const { return block; }
};

}  // namespace sy::detail
