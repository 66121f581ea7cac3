// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/routed_experts.h"

namespace sy {

void RoutedExperts::operator()(Dispatch& travel) const {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const Activation activation = context.model.activation;
  const Dropout dropout = expert_dropout(context, dispatch, dropout_site);
  const ExpertsSaved now = with_inner(params, saved, dispatch.exchange.all, activation, scratch);
  travel.compute_parts([&](const ExpertRows& part) {
    experts_forward(exec, params, now, part, travel.out(), activation, dropout);
  });
}

void RoutedExperts::operator()(DispatchGrad& grad) const {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const Activation activation = context.model.activation;
  const ExpertRows& all = dispatch.exchange.all;
  const Dropout dropout = expert_dropout(context, dispatch, dropout_site);
  const ExpertsSaved now = with_inner(params, saved, all, activation, scratch);
  if (!saved.keeps_inner()) {
    // In the same parts as in forward, whose products have the same bits. The gradients of the
    // outputs meanwhile arrive.
    for (const ExchangePart& sent : dispatch.exchange.parts) {
      experts_inner(exec, params, now, sent.experts, activation, dropout);
    }
  }
  const ExpertsGrad hidden = experts_grad(exec, params, now, all, scratch);
  grad.compute_parts([&](const ExpertRows& part) {
    experts_backward_input(exec, params, now, part, grad.d_in(), grad.d_out(), hidden, activation,
                           dropout);
  });
  experts_backward_weights(exec, params, now, all, hidden);
}

}  // namespace sy
