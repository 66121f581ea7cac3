// SPDX-License-Identifier: Apache-2.0
// Losses of the choices that tokens make (ChoiceLoss), and the noise of the logits under which
// loads are expected (docs/math-moe.md, "Two experts", "Importance and load"). Parts of the router:
// `now` is what of its saved set this micro-batch uses.
#pragma once

#include "lib/model/moe/router.h"

namespace sy {

// Whether this pass adds noise to the logits.
bool is_noisy(const LayerContext& context);

// Adds to the logits [T, E] noise of the size that the router's input x [T, d_model] gives it.
// Overwrites now.raw_noise.
void add_noise(const LayerContext& context, const RouterParams& params, const RouterSaved& now,
               Tensor logits, Tensor x);

// Overwrites now.choice_losses and what their gradients need, after the choice.
void choice_losses(const LayerContext& context, const RouterParams& params, const RouterSaved& now);

// d_gate, or in memory from `scratch` the sum of it and the importance loss's gradient.
Tensor with_importance(const LayerContext& context, const RouterSaved& now, Tensor d_gate,
                       ScratchScope& scratch);

// Adds the gradient of the second-place loss, if there is one, to d_logits [T', E].
void second_place_backward(const LayerContext& context, const RouterSaved& now, Tensor d_logits);

// The gradient [T, E] of the noise's size before softplus, from that of the logits with their
// noise, d_noisy [T', E], to which the load loss adds its own first. Taken from `scratch`.
Tensor noise_gradient(const LayerContext& context, const RouterParams& params,
                      const RouterSaved& now, Tensor d_noisy, ScratchScope& scratch);

// Adds the noise's share to d_normed [T, d_model]; the gradient of its parameter accumulates. d_raw
// is noise_gradient()'s.
void noise_backward(const LayerContext& context, const RouterParams& params, Tensor d_normed,
                    Tensor d_raw, Tensor normed);

}  // namespace sy
