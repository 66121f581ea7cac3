// SPDX-License-Identifier: Apache-2.0
// The experts (experts.h) as callables of routing_forward() and routing_backward(): computed part
// by part as rows arrive, with inner activations that are kept or, in backward, computed again.
#pragma once

#include "lib/model/context.h"
#include "lib/model/moe/dispatch.h"
#include "lib/model/moe/experts.h"

namespace sy {

struct RoutedExperts {
  const LayerContext& context;
  const ExpertsParams& params;
  const ExpertsSaved& saved;  // its `in` is that of the routing
  const DispatchSaved& dispatch;
  uint32_t dropout_site = 0;  // inside the experts

  // Overwrites travel.out(), and the inner activations if they are kept.
  void operator()(Dispatch& travel) const;
  // Overwrites grad.d_in(); gradients of the experts' parameters accumulate.
  void operator()(DispatchGrad& grad) const;
};

}  // namespace sy
