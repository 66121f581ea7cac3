// SPDX-License-Identifier: Apache-2.0
// Plans every rank of a mesh in one process and checks them against each other.
#pragma once

#include <string>

#include "lib/base/json.h"
#include "lib/plan/rank_plan.h"

namespace sy {

constexpr int kMostRanks = 2048;

struct Executed {
  int ranks = 0;
  int64_t calls = 0;               // of all ranks
  int64_t tensors = 0, slabs = 0;  // of a checkpoint
  int64_t checkpoint_bytes = 0;
  TrainStep::Memory most;     // the most that any rank needs of each region
  bool rows_compared = true;  // false: dropless, their number is only bounded
  std::string fault;          // "" if the mesh works
};

// Every rank is planned for itself, by the code that plans a run: none stands for another.
// `workers` threads share the ranks. The first fault is that of what they call (rehearsal.h), else
// that of what they write (slab_ledger.h).
Executed execute_plan(const PlanInput& input, int workers);

std::string executed_text(const Executed& executed);
Json executed_json(const Executed& executed);

}  // namespace sy
