// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/cover.h"

#include <algorithm>

namespace sy::checkpoint {
namespace {

// The number of times each element is covered is a sum of indicator functions of boxes. A box is
// the prefix sum, along every axis, of alternating signs at its 2^rank corners: 1 inside, 0
// outside. So slabs cover the whole exactly once if and only if the signs of all their corners
// minus those of the whole cancel at every point.
struct Corner {
  Shape at;
  int64_t sign;
};

void add_corners(std::vector<Corner>& corners, const Slab& slab, int64_t sign) {
  for (int which = 0; which < 1 << slab.rank(); ++which) {
    Corner corner{slab.offset, sign};
    for (int axis = 0; axis < slab.rank(); ++axis) {
      if ((which >> axis & 1) == 0) continue;
      corner.at[axis] = slab.end(axis);
      corner.sign = -corner.sign;
    }
    corners.push_back(corner);
  }
}

bool comes_before(const Corner& a, const Corner& b) {
  for (int axis = 0; axis < a.at.rank(); ++axis) {
    if (a.at[axis] != b.at[axis]) return a.at[axis] < b.at[axis];
  }
  return false;
}

}  // namespace

std::optional<CoverFault> find_cover_fault(const Slab& whole, const std::vector<Slab>& slabs) {
  if (slabs.size() == 1 && slabs[0] == whole) return std::nullopt;
  std::vector<Corner> corners;
  corners.reserve((slabs.size() + 1) << whole.rank());
  add_corners(corners, whole, -1);
  for (const Slab& slab : slabs) add_corners(corners, slab, 1);
  std::sort(corners.begin(), corners.end(), comes_before);
  // Before the first point where they do not cancel, everything cancels. So the sum at that point
  // is the number of times too many that this element is covered.
  for (size_t begin = 0, end = 0; begin < corners.size(); begin = end) {
    int64_t excess = 0;
    for (; end < corners.size() && corners[end].at == corners[begin].at; ++end) {
      excess += corners[end].sign;
    }
    if (excess != 0) return CoverFault{corners[begin].at, 1 + excess};
  }
  return std::nullopt;
}

std::string describe(const CoverFault& fault) {
  return fault.times == 0 ? "no slab holds " + fault.at.str()
                          : fmt::format("{} slabs hold {}", fault.times, fault.at.str());
}

}  // namespace sy::checkpoint
