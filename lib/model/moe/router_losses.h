// SPDX-License-Identifier: Apache-2.0
// The auxiliary losses of the routers, load balancing, z-loss and those of choices (ChoiceLoss;
// with the paper's convention alone), and the scales of their gradients (docs/math-moe.md, "Router"
// and "Hugging Face's convention"). In the paper each layer has losses of its own. With
// experts.convention hugging_face there is one load-balancing loss per stack, over the tokens of
// all its sparse layers; a stack whose layers are all sparse has no auxiliary loss.
#pragma once

#include "lib/model/context.h"
#include "lib/model/moe/router.h"

namespace sy {

// Empty unless the auxiliary-loss scope is the stack. Of the stack's `layers`, `routed_layers` are
// routed.
StackShares stack_shares_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                              int64_t routed_layers, int64_t layers);

// A layer's forward updates no statistics, so that it may be run again. What it left in the saved
// tensors is observed afterwards, once per micro-batch: begin_stack_losses, observe_router for
// every routed layer of the stack in order, end_stack_losses. `stats` accumulates. If the loss
// scope is the stack, context.stack_shares is overwritten and complete after end_stack_losses.
void begin_stack_losses(const LayerContext& context);
// slot, int32 [T', k], has the slots of the layer's tokens, -1 if dropped. Read only if the loss
// scope is the stack.
void observe_router(const LayerContext& context, const RouterSaved& router, Tensor slot,
                    RouterStats& stats);
void end_stack_losses(const LayerContext& context, RouterStats& stats);

// The arguments of router_backward for the losses of a layer: fraction [groups, E] of the layer or
// of the whole (already observed) stack, and the matching scales.
struct RouterLossGrad {
  Tensor fraction;
  double balance_scale = 0;
  double z_scale = 0;
};
// The scale of the gradient of a loss of the choices: its coefficient, group_scale and weight.
double choice_loss_scale(const LayerContext& context, ChoiceLoss loss);

RouterLossGrad router_loss_grad(const LayerContext& context, Tensor layer_fraction);

}  // namespace sy
