// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/routing.h"

#include "lib/model/moe/router_losses.h"

namespace sy {

RoutingParams routing_params(ParamStore& store, const std::string& prefix,
                             const ModelSection& model, LayerCounter& counter) {
  return {router_params(store, prefix, model), DispatchLabels(prefix), counter.routed_layers++};
}

RoutingSaved routing_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                          int64_t output_cols) {
  RoutingSaved saved;
  saved.router = router_plan(arena, model, dims);
  saved.dispatch = dispatch_plan(arena, model, dims, output_cols);
  return saved;
}

void routing_observe(const LayerContext& context, const RoutingParams& params,
                     const RoutingSaved& saved, RouterStats& stats) {
  add_counts(context.exec, stats.counts.at(params.layer), saved.dispatch.counts);
  observe_confidence(context, saved.router, stats.confidence.at(params.layer));
  observe_router(context, saved.router, saved.dispatch.slot, stats);
}

}  // namespace sy
