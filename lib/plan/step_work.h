// SPDX-License-Identifier: Apache-2.0
// What a rank has to do in a step, as planning counts it. The rates of a device make times of it.
#pragma once

#include "kernels/gemm/gemm_shape.h"
#include "lib/plan/rank_plan.h"

namespace sy {

struct StepWork {
  GemmCounts products;          // without those inside attention, with what is computed again
  double attention_flops = 0;   // of the products inside attention
  double activation_bytes = 0;  // that everything else in forward and backward reads and writes
  double update_bytes = 0;      // that the optimiser reads and writes
};

// Of `first`, except that `memory` may be that of the rank that needs most (largest_memory()): its
// optimiser state is what the slowest update passes over. Dropless, experts are taken to get
// equally many rows.
StepWork step_work(const PlanInput& input, RankPlan& first, const TrainStep::Memory& memory);

}  // namespace sy
