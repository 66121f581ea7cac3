// Balance and z losses of the routers, and the scales of their gradients (docs/math-moe.md,
// "Router" and "Hugging Face's convention"). By the paper every layer's losses are its own. By
// experts.convention hugging_face the sparse layers of a stack are judged together, on the tokens
// of all of them; a stack of sparse layers alone is not judged at all.
#pragma once

#include "lib/model/context.h"
#include "lib/model/moe/router.h"

namespace sy {

// Empty where layers are judged alone, or none is. Of the stack's `layers`, `routed_layers` are
// routed.
StackShares stack_shares_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                              int64_t routed_layers, int64_t layers);

// A forward counts nothing, so that it may be run again; what it left in the saved sets is observed
// afterwards, once for each micro-batch and before its backward: begin, every routed layer of the
// stack in order, end. `stats` accumulates. Where layers are judged together, context.stack_shares
// is overwritten and then complete.
void begin_stack_losses(const LayerContext& context);
// slot int32 [T', k] is where the layer's tokens went, -1: dropped; read where layers are judged
// together.
void observe_router(const LayerContext& context, const RouterSaved& router, Tensor slot,
                    RouterStats& stats);
void end_stack_losses(const LayerContext& context, RouterStats& stats);

// What router_backward of a layer is given for its losses: fraction [groups, E], the layer's or the
// stack's (complete, since the stack was observed before), and the scales that go with it.
struct RouterLossGrad {
  Tensor fraction;
  double balance_scale = 0;
  double z_scale = 0;
};
RouterLossGrad router_loss_grad(const LayerContext& context, Tensor layer_fraction);

}  // namespace sy
