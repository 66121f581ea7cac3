// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/router_choice_losses.h"

#include "kernels/elementwise/elementwise.h"
#include "kernels/router/router_importance.h"
#include "kernels/router/router_load.h"
#include "kernels/router/router_logits.h"
#include "kernels/router/router_noise.h"
#include "kernels/router/router_second_place.h"
#include "lib/model/moe/router_losses.h"

namespace sy {
namespace {

// The loss of `which`, [1].
Tensor choice_loss(const RouterSaved& saved, ChoiceLoss which) {
  return saved.choice_losses.slice(static_cast<int64_t>(which), 1);
}

NoiseDraw noise_draw(const LayerContext& context, const RouterParams& params) {
  return {context.key(params.noise_site), context.first_row()};
}

}  // namespace

bool is_noisy(const LayerContext& context) {
  return context.step.training && context.model.experts.exploration == Exploration::noise;
}

void add_noise(const LayerContext& context, const RouterParams& params, const RouterSaved& now,
               Tensor logits, Tensor x) {
  const int64_t tokens = context.tokens();
  const Tensor raw = now.raw_noise.slice(0, tokens);
  fill_zero(context.exec, now.raw_noise.slice(tokens, now.raw_noise.dim(0) - tokens));
  router_logits_forward(context.exec, raw, x, params.noise->value, {});
  router_noise_forward(context.exec, logits, logits, raw, noise_draw(context, params));
}

void choice_losses(const LayerContext& context, const RouterParams& params,
                   const RouterSaved& now) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  fill_zero(exec, now.choice_losses);
  if (!now.second_fraction.empty()) {
    router_second_place_forward(exec, choice_loss(now, ChoiceLoss::second_place),
                                now.second_fraction, now.probs, now.valid, now.expert, now.second);
  }
  const Tensor sums = scratch.take(now.fraction.dtype(), now.fraction.shape(), "router variation");
  if (!now.importance.empty()) {
    router_gate_sums(exec, sums, now.gate, now.expert);
    router_variation(exec, choice_loss(now, ChoiceLoss::importance), now.importance, sums);
  }
  if (now.load.empty() || !is_noisy(context)) return;
  router_load_forward(exec, sums, now.noisy, now.raw_noise, now.valid, context.model.experts.top_k,
                      noise_draw(context, params));
  router_variation(exec, choice_loss(now, ChoiceLoss::load), now.load, sums);
}

Tensor with_importance(const LayerContext& context, const RouterSaved& now, Tensor d_gate,
                       ScratchScope& scratch) {
  if (now.importance.empty()) return d_gate;
  const Tensor both = scratch.take(d_gate.dtype(), d_gate.shape(), "router d_gate");
  copy(context.exec, both, d_gate);
  router_gate_sums_backward(context.exec, both, now.importance, now.expert,
                            choice_loss_scale(context, ChoiceLoss::importance));
  return both;
}

void second_place_backward(const LayerContext& context, const RouterSaved& now, Tensor d_logits) {
  if (now.second_fraction.empty()) return;
  router_second_place_backward(context.exec, d_logits, now.second_fraction, now.probs, now.valid,
                               now.expert, now.second,
                               choice_loss_scale(context, ChoiceLoss::second_place));
}

Tensor noise_gradient(const LayerContext& context, const RouterParams& params,
                      const RouterSaved& now, Tensor d_noisy, ScratchScope& scratch) {
  const Tensor d_raw = scratch.take(d_noisy.dtype(), d_noisy.shape(), "router d_noise");
  const Tensor d_own = d_raw.slice(0, context.tokens());
  const NoiseDraw draw = noise_draw(context, params);
  if (!now.load.empty()) {
    router_load_backward(context.exec, d_noisy, d_raw, now.load, now.noisy, now.raw_noise,
                         now.valid, context.model.experts.top_k, draw,
                         choice_loss_scale(context, ChoiceLoss::load));
  }
  router_noise_backward(context.exec, d_own, d_noisy.slice(0, context.tokens()),
                        now.load.empty() ? Tensor() : d_own,
                        now.raw_noise.slice(0, context.tokens()), draw);
  return d_own;
}

void noise_backward(const LayerContext& context, const RouterParams& params, Tensor d_normed,
                    Tensor d_raw, Tensor normed) {
  ScratchScope scratch(context.exec);
  const Tensor d_x = scratch.take(normed.dtype(), normed.shape(), "router d_noise input");
  router_logits_backward(context.exec, d_x, params.noise->cleared_grad(context.exec), d_raw, normed,
                         params.noise->value, {});
  add_inplace(context.exec, d_normed, d_x);
}

}  // namespace sy
