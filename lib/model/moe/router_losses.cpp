// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/router_losses.h"

#include "kernels/elementwise/elementwise.h"
#include "kernels/router/router.h"

namespace sy {
namespace {

// What the auxiliary losses are computed over.
enum class LossScope { layer, stack, none };

LossScope loss_scope(const ExpertsSection& experts, const StackShares& shares) {
  if (experts.convention == Convention::paper) return LossScope::layer;
  return shares.layers > 0 ? LossScope::stack : LossScope::none;
}

// Views of this micro-batch's groups.
StackShares used(const LayerContext& context) {
  const StackShares& shares = context.stack_shares;
  const int64_t groups = token_groups(context).count;
  return {shares.fraction.slice(0, groups), shares.mean_prob.slice(0, groups), shares.layers};
}

}  // namespace

StackShares stack_shares_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                              int64_t routed_layers, int64_t layers) {
  const bool per_stack = model.experts.convention == Convention::hugging_face;
  if (routed_layers == 0 || routed_layers == layers || !per_stack) return {};
  const int64_t groups = token_groups(model.experts, dims).count;
  const Shape shape{groups, model.experts.count};
  StackShares shares;
  shares.fraction = arena.take(dims.statistics(), shape, "stack fraction");
  shares.mean_prob = arena.take(dims.statistics(), shape, "stack mean_prob");
  shares.layers = routed_layers;
  return shares;
}

void begin_stack_losses(const LayerContext& context) {
  if (context.stack_shares.layers == 0) return;
  const StackShares now = used(context);
  fill_zero(context.exec, now.fraction);
  fill_zero(context.exec, now.mean_prob);
}

void observe_router(const LayerContext& context, const RouterSaved& router, Tensor slot,
                    RouterStats& stats) {
  Exec& exec = context.exec;
  const Tensor balance = router.losses.slice(0, 1), z = router.losses.slice(1, 1);
  switch (loss_scope(context.model.experts, context.stack_shares)) {
    case LossScope::layer:
      add_sum(exec, stats.balance, balance, context.group_weight);
      add_sum(exec, stats.z, z, context.group_weight);
      if (!has_choice_losses(context.model.experts)) return;
      for (int64_t i = 0; i < kChoiceLosses; ++i) {
        add_sum(exec, stats.choice.slice(i, 1), router.choice_losses.slice(i, 1),
                context.group_weight);
      }
      return;
    case LossScope::stack: {
      const StackShares now = used(context);
      const TokenGroups groups = token_groups(context);
      add_inplace(exec, now.mean_prob, router.mean_prob.slice(0, groups.count));
      router_count_kept(exec, now.fraction, router.expert.slice(0, groups.total()),
                        slot.slice(0, groups.total()));
      add_sum(exec, stats.z, z, 1.0 / static_cast<double>(now.layers));
      return;
    }
    case LossScope::none:
      return;
  }
}

// Turns counts into shares, and sums over layers into means.
void end_stack_losses(const LayerContext& context, RouterStats& stats) {
  if (context.stack_shares.layers == 0) return;
  ScratchScope scratch(context.exec);
  const StackShares now = used(context);
  const double layer_share = 1.0 / static_cast<double>(now.layers);
  scale_inplace(context.exec, now.fraction,
                layer_share / static_cast<double>(token_groups(context).tokens));
  scale_inplace(context.exec, now.mean_prob, layer_share);
  const Tensor loss = scratch.take(now.fraction.dtype(), {1}, "stack balance loss");
  router_balance(context.exec, loss, now.fraction, now.mean_prob);
  add_sum(context.exec, stats.balance, loss);
}

double choice_loss_scale(const LayerContext& context, ChoiceLoss loss) {
  const ExpertsSection& experts = context.model.experts;
  const double coefficients[] = {experts.second_place_loss, experts.importance_loss,
                                 experts.load_loss};
  return coefficients[static_cast<size_t>(loss)] * context.step.group_scale * context.group_weight;
}

RouterLossGrad router_loss_grad(const LayerContext& context, Tensor layer_fraction) {
  const ExpertsSection& experts = context.model.experts;
  const double scale = context.step.group_scale * context.group_weight;
  const double balance = experts.balance_loss * scale, z = experts.z_loss * scale;
  switch (loss_scope(experts, context.stack_shares)) {
    case LossScope::layer:
      return {layer_fraction, balance, z};
    case LossScope::stack: {
      const double layers = static_cast<double>(context.stack_shares.layers);
      return {used(context).fraction, balance / layers, z / layers};
    }
    case LossScope::none:
      break;
  }
  return {layer_fraction, 0, 0};
}

}  // namespace sy
