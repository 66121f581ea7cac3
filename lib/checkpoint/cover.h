// SPDX-License-Identifier: Apache-2.0
// Checks that slabs cover a tensor, each element exactly once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/tensor/slab.h"

namespace sy::checkpoint {

// The first element, in row-major order, that is not covered exactly once.
struct CoverFault {
  Shape at;
  int64_t times = 0;  // 0: a gap; 2 and more: an overlap
};

// Nothing if the slabs, each of which lies within `whole`, cover it exactly. For n slabs of rank r
// the memory is O(n 2^r) and the time is that of sorting as many corners, however they are cut.
std::optional<CoverFault> find_cover_fault(const Slab& whole, const std::vector<Slab>& slabs);

// "no slab holds [2, 0]" or "2 slabs hold [2, 0]".
std::string describe(const CoverFault& fault);

}  // namespace sy::checkpoint
