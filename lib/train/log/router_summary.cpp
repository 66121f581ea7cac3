// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/router_summary.h"

#include <algorithm>

#include "lib/config/config.h"
#include "lib/model/moe/router.h"
#include "lib/tensor/staged_copy.h"

namespace sy {
namespace {

// Tokens of the fullest expert relative to the mean, in one layer.
double load_max(const int32_t* counts, int64_t experts) {
  int64_t total = 0, fullest = 0;
  for (int64_t e = 0; e < experts; ++e) {
    total += counts[e];
    fullest = std::max<int64_t>(fullest, counts[e]);
  }
  return total == 0 ? 0.0 : static_cast<double>(fullest * experts) / static_cast<double>(total);
}

}  // namespace

int64_t routing_groups(const RunConfig& config, int64_t sequences) {
  return token_groups(config.model.experts, Stack::encoder, sequences, config.data.encoder_length)
      .count;
}

void reduce_statistics(SwitchModel& model, Mesh& mesh) {
  const RouterStats& stats = model.router_stats();
  Communicator& data = mesh.data();
  if (stats.counts.numel() > 0) data.all_reduce_sum(stats.counts, "router counts");
  data.all_reduce_sum(model.step_sums(), "losses");
}

RouterSummary router_summary(Exec& exec, SwitchModel& model, Mesh& mesh, int64_t groups) {
  const RouterStats& stats = model.router_stats();
  reduce_statistics(model, mesh);
  Readback copies(exec, {stats.counts, stats.balance, stats.z});
  copies.start();
  copies.wait();
  return summarize_router({copies.host(0), copies.host(1), copies.host(2)}, groups);
}

RouterSummary summarize_router(const RouterStats& stats, int64_t groups) {
  RouterSummary summary;
  if (stats.counts.numel() == 0) return summary;
  if (groups > 0) {
    summary.balance_loss = *stats.balance.data<double>() / static_cast<double>(groups);
    summary.z_loss = *stats.z.data<double>() / static_cast<double>(groups);
  }
  const int64_t experts = stats.counts.dim(1) - 1;
  int64_t routed = 0, dropped = 0;
  for (int64_t layer = 0; layer < stats.counts.dim(0); ++layer) {
    const int32_t* counts = stats.counts.data<int32_t>() + layer * (experts + 1);
    for (int64_t e = 0; e < experts; ++e) routed += counts[e];
    dropped += counts[experts];
    summary.expert_load_max = std::max(summary.expert_load_max, load_max(counts, experts));
  }
  if (routed > 0) {
    summary.dropped_fraction = static_cast<double>(dropped) / static_cast<double>(routed);
  }
  return summary;
}

}  // namespace sy
