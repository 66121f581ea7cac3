// What the routers did in the step so far, over all ranks.
#pragma once

#include "lib/config/run_config.h"
#include "lib/model/switch_model.h"

namespace sy {

struct RouterSummary {
  double balance_loss = 0;      // sum over layers of the mean over groups, before the coefficient
  double z_loss = 0;            // likewise
  double dropped_fraction = 0;  // of the tokens that were routed
  double expert_load_max = 0;   // fullest expert / mean, worst layer; 0 in a dense model
};

// Sums the model's statistics of a step, its loss among them, over the data ranks, in place and
// where they lie: once a step. Collective.
void reduce_statistics(SwitchModel& model, Mesh& mesh);

// Of reduced statistics in host memory. `groups`: routing groups of the global batch in a stack (0:
// losses are left at 0).
RouterSummary summarize_router(const RouterStats& stats, int64_t groups);

// Both, waiting for the numbers. Collective.
RouterSummary router_summary(Exec& exec, SwitchModel& model, Mesh& mesh, int64_t groups = 0);

// Routing groups of a global batch of `sequences` in each stack.
int64_t routing_groups(const RunConfig& config, int64_t sequences);

}  // namespace sy
