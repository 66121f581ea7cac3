// Balance and z losses of the routers, and the scales of their gradients (docs/math-moe.md,
// "Router" and "Hugging Face's convention"). By the paper every layer's losses are its own. By
// experts.convention hugging_face the sparse layers of a stack are judged together, on the tokens
// of all of them; a stack of sparse layers alone (experts.interval 1) is not judged at all.
#pragma once

#include "lib/model/context.h"

namespace sy {

// Empty where layers are judged alone, or none is. `sparse_layers` of the stack.
StackShares stack_shares_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                              int64_t sparse_layers);

// Before a stack's first layer and after its last one, in forward. The latter adds the stack's
// balance loss to context.router_stats.
void begin_stack_losses(const LayerContext& context);
void end_stack_losses(const LayerContext& context);

// A layer's part, after its router and after its tokens have their slots. mean_prob [groups, E] and
// losses [2] are router_forward's; expert, slot int32 [T'], -1: not routed, dropped. Nothing where
// a stack's layers are judged together and context.stack_shares is empty.
void add_router_losses(const LayerContext& context, Tensor mean_prob, Tensor losses);
void add_kept_tokens(const LayerContext& context, Tensor expert, Tensor slot);

// What router_backward of a layer is given for its losses: fraction [groups, E], the layer's or the
// stack's (complete, since a stack's forward comes first), and the scales that go with it.
struct RouterLossGrad {
  Tensor fraction;
  double balance_scale = 0;
  double z_scale = 0;
};
RouterLossGrad router_loss_grad(const LayerContext& context, Tensor layer_fraction);

}  // namespace sy
