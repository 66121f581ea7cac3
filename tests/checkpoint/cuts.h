// SPDX-License-Identifier: Apache-2.0
// Random cuts of a tensor into slabs, uneven and in any order.
#pragma once

#include <random>
#include <vector>

#include "lib/tensor/slab.h"

namespace sy::test {

using Random = std::mt19937;

inline int64_t draw(Random& random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

inline Shape random_shape(Random& random, int64_t largest) {
  std::vector<int64_t> dims(static_cast<size_t>(draw(random, 1, 4)));
  for (int64_t& dim : dims) dim = draw(random, 1, largest);
  return Shape(dims);
}

// Cuts one slab of `slabs` in two, somewhere, where it can be cut along the axis that is drawn.
inline void cut_once(Random& random, std::vector<Slab>& slabs) {
  Slab& slab = slabs[static_cast<size_t>(draw(random, 0, static_cast<int64_t>(slabs.size()) - 1))];
  const int axis = static_cast<int>(draw(random, 0, slab.rank() - 1));
  if (slab.extent[axis] == 1) return;
  Slab rest = slab;
  slab.extent[axis] = draw(random, 1, slab.extent[axis] - 1);
  rest.offset[axis] += slab.extent[axis];
  rest.extent[axis] -= slab.extent[axis];
  slabs.push_back(rest);
}

inline std::vector<Slab> random_cut(Random& random, const Shape& global, int64_t most_cuts) {
  std::vector<Slab> slabs{Slab::whole(global)};
  for (int64_t cuts = draw(random, 0, most_cuts); cuts > 0; --cuts) cut_once(random, slabs);
  std::shuffle(slabs.begin(), slabs.end(), random);
  return slabs;
}

}  // namespace sy::test
