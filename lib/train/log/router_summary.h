// SPDX-License-Identifier: Apache-2.0
// Router statistics of a step, over all ranks.
#pragma once

#include <array>

#include "lib/config/run_config.h"
#include "lib/model/switch_model.h"
#include "lib/train/log/metrics.h"

namespace sy {

struct RouterSummary {
  double balance_loss = 0;  // sum over layers of the mean over groups, without coefficient
  double z_loss = 0;        // the same
  std::array<double, kChoiceLosses> choice_losses{};  // the same, by ChoiceLoss
  double dropped_fraction = 0;                        // of routed tokens
  double expert_load_max = 0;         // fullest expert / mean, maximum over layers; 0 if dense
  std::vector<RouterMetrics> layers;  // from router_summary() alone: a step must not allocate
};

// Sums the statistics of a step, including the loss, over the data ranks, in place and in the
// exec's memory. To be called once per step. Collective.
void reduce_statistics(SwitchModel& model, Mesh& mesh);

// Summarises reduced statistics in host memory. `groups` is the number of the encoder's routing
// groups in the global batch; 0 leaves the losses 0.
RouterSummary summarize_router(const RouterStats& stats, const ModelSection& model, int64_t groups);

// The same statistics by layer, empty if the model is dense.
std::vector<RouterMetrics> router_metrics(const RouterStats& stats, const ModelSection& model);

// Reduces, waits for the values and summarises them. Collective.
RouterSummary router_summary(Exec& exec, SwitchModel& model, Mesh& mesh, int64_t groups = 0);

// Number of the encoder's routing groups in a global batch of this length.
int64_t routing_groups(const RunConfig& config, int64_t encoder_length);

}  // namespace sy
