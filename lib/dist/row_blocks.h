// Where the blocks of an all-to-all lie in a tensor.
#pragma once

#include <vector>

#include "lib/tensor/tensor.h"

namespace sy::detail {

struct Block {
  int64_t first;  // element
  int64_t count;
};

inline void* address(Tensor tensor, int64_t element) {
  return static_cast<char*>(tensor.raw()) + element * static_cast<int64_t>(size_of(tensor.dtype()));
}

// blocks[r] = rows[r] rows of the first axis, one block behind the other.
inline void place_rows(std::vector<Block>& blocks, Tensor tensor,
                       const std::vector<int64_t>& rows) {
  int64_t width = 1, first = 0;
  for (int axis = 1; axis < tensor.rank(); ++axis) width *= tensor.dim(axis);
  blocks.clear();
  for (const int64_t count : rows) {
    blocks.push_back({first, count * width});
    first += count * width;
  }
}

}  // namespace sy::detail
