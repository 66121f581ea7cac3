// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/router_summary.h"

#include <algorithm>
#include <numeric>

#include "lib/config/config.h"
#include "lib/model/moe/router.h"
#include "lib/tensor/staged_copy.h"

namespace sy {
namespace {

int64_t tokens_of(const int32_t* counts, int64_t experts) {
  return std::accumulate(counts, counts + experts, int64_t{0});
}

// Tokens of the fullest expert relative to the mean, in one layer.
double load_max(const int32_t* counts, int64_t experts) {
  const int64_t total = tokens_of(counts, experts);
  const int64_t fullest = *std::max_element(counts, counts + experts);
  return total == 0 ? 0.0 : static_cast<double>(fullest * experts) / static_cast<double>(total);
}

// What a layer's dropped tokens are a share of, and the experts that computed them.
struct LayerTokens {
  double routed;    // choices; with expert_choice, tokens
  double computed;  // rows of experts
};
LayerTokens layer_tokens(const RouterStats& stats, const ModelSection& model, int64_t layer) {
  const int64_t experts = model.experts.count;
  const int32_t* counts = stats.counts.at(layer).data<int32_t>();
  const auto chosen = static_cast<double>(tokens_of(counts, experts));
  if (model.experts.routing != Routing::expert_choice) return {chosen, chosen - counts[experts]};
  return {stats.confidence.at(layer).data<double>()[0], chosen};
}

}  // namespace

int64_t routing_groups(const RunConfig& config, int64_t encoder_length) {
  return token_groups(config.model.experts, Stack::encoder, config.train.global_batch,
                      encoder_length)
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
  Readback copies(exec, {stats.counts, stats.balance, stats.z, stats.confidence, stats.choice});
  copies.start();
  copies.wait();
  const RouterStats host{copies.host(0), copies.host(1), copies.host(2), copies.host(3),
                         copies.host(4)};
  RouterSummary summary = summarize_router(host, model.config(), groups);
  summary.layers = router_metrics(host, model.config());
  return summary;
}

RouterSummary summarize_router(const RouterStats& stats, const ModelSection& model,
                               int64_t groups) {
  RouterSummary summary;
  if (stats.counts.numel() == 0) return summary;
  if (groups > 0) {
    summary.balance_loss = *stats.balance.data<double>() / static_cast<double>(groups);
    summary.z_loss = *stats.z.data<double>() / static_cast<double>(groups);
    if (has_choice_losses(model.experts)) {
      for (size_t i = 0; i < summary.choice_losses.size(); ++i) {
        summary.choice_losses[i] = stats.choice.data<double>()[i] / static_cast<double>(groups);
      }
    }
  }
  const int64_t experts = stats.counts.dim(1) - 1;
  double routed = 0;
  int64_t dropped = 0;
  for (int64_t layer = 0; layer < stats.counts.dim(0); ++layer) {
    const int32_t* counts = stats.counts.data<int32_t>() + layer * (experts + 1);
    routed += layer_tokens(stats, model, layer).routed;
    dropped += counts[experts];
    summary.expert_load_max = std::max(summary.expert_load_max, load_max(counts, experts));
  }
  if (routed > 0) summary.dropped_fraction = static_cast<double>(dropped) / routed;
  return summary;
}

std::vector<RouterMetrics> router_metrics(const RouterStats& stats, const ModelSection& model) {
  std::vector<RouterMetrics> layers;
  const std::vector<std::string> names = sparse_layer_names(model);
  const int64_t experts = model.experts.count;
  for (size_t layer = 0; layer < names.size(); ++layer) {
    const auto row = static_cast<int64_t>(layer);
    const int32_t* counts = stats.counts.at(row).data<int32_t>();
    const double* confidence = stats.confidence.at(row).data<double>();
    const LayerTokens of = layer_tokens(stats, model, row);
    const double tokens = std::max(confidence[0], 1.0);
    layers.push_back({.layer = names[layer],
                      .dropped_fraction = counts[experts] / std::max(of.routed, 1.0),
                      .experts_per_token = of.computed / tokens,
                      .load_max = load_max(counts, experts),
                      .entropy = confidence[1] / tokens,
                      .top_probability = confidence[2] / tokens});
  }
  return layers;
}

}  // namespace sy
