// SPDX-License-Identifier: Apache-2.0
// How the ranks that hold the same parameters divide their update (ZeRO-1, Rajbhandari et al.
// 2020). Each owns one contiguous run of a region, made of whole slices: a parameter, or one
// expert's matrix. So an optimiser finds whole matrices on one rank, and a checkpoint gets
// rectangles.
#pragma once

#include <vector>

#include "lib/dist/communicator.h"

namespace sy {

// Divides `size` elements, in which slices start at `starts` (ascending, the first at 0), into one
// run for each rank, in rank order. A run ends at the start of a slice that is nearest to an equal
// share, so it is longer than that by at most the longest slice. A run may be empty. A function of
// its arguments alone: every rank finds the same runs.
std::vector<RowRange> balanced_runs(const std::vector<int64_t>& starts, int64_t size, int ranks);

// The part of each run within `range`, counted from its beginning.
std::vector<RowRange> pieces_within(const std::vector<RowRange>& runs, RowRange range);

}  // namespace sy
