// SPDX-License-Identifier: Apache-2.0
// The copies from which a run writes its checkpoints, as planning counts them.
#pragma once

#include <cstdint>

#include "lib/plan/rank_plan.h"

namespace sy {

// Bytes of a checkpoint that the rank writes that writes most of it. Which rank writes which slab
// follows from the placements, so no other rank is planned.
int64_t most_written_bytes(RankPlan& first);

// Sets of staging memory that a run fills: two if it may save before its last step, as two saves
// may then be under way, or else one.
int64_t staging_sets(const RunConfig& config);

}  // namespace sy
