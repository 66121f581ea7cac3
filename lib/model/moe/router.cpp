// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/router.h"

#include <algorithm>
#include <cmath>

#include "kernels/elementwise/elementwise.h"
#include "kernels/router/router.h"
#include "kernels/router/router_confidence.h"
#include "kernels/router/router_jitter.h"
#include "kernels/router/router_logits.h"
#include "lib/base/numeric.h"
#include "lib/model/moe/router_losses.h"

namespace sy {
namespace {

// Hugging Face's router jitters a float32 input in place, but a bfloat16 one in a float32 copy.
bool experts_see_jitter(const LayerContext& context, Tensor normed) {
  return context.model.experts.convention == Convention::hugging_face &&
         normed.dtype() != DType::bf16;
}

bool jitters(const LayerContext& context) {
  return context.step.training && context.model.experts.jitter > 0;
}

// The noise of rows from the global row `first_row` on.
RouterJitter jitter_of(const LayerContext& context, const RouterParams& params, int64_t first_row) {
  return {static_cast<float>(context.model.experts.jitter), context.key(params.jitter_site),
          first_row};
}

// The noise that the router itself adds. None if the experts see it too: then `normed` already has
// it.
RouterJitter own_jitter(const LayerContext& context, const RouterParams& params, Tensor normed) {
  const bool own = jitters(context) && !experts_see_jitter(context, normed);
  return own ? jitter_of(context, params, context.first_row()) : RouterJitter{};
}

void jitter_into(Exec& exec, Tensor out, Tensor x, const RouterJitter& jitter) {
  router_jitter(exec, out, x, jitter.epsilon, jitter.key, jitter.first_row);
}

// Whether every intermediate result is rounded, as a bfloat16 router would round it.
bool is_rounded(const LayerContext& context, Tensor normed) {
  return normed.dtype() == DType::bf16 &&
         context.model.experts.router_precision == Precision::bfloat16;
}

// The operands of the logits: the activations as they are and the master weights, since the router
// computes in float32; if rounded, float32 copies of both.
struct Operands {
  Tensor x, weight;
  RouterJitter jitter;
};

Operands router_operands(const LayerContext& context, const RouterParams& params, Tensor normed,
                         ScratchScope& scratch) {
  const Param& weight = *params.weight;
  const RouterJitter jitter = own_jitter(context, params, normed);
  if (!is_rounded(context, normed)) return {normed, weight.value, jitter};
  const Tensor x = scratch.take(DType::f32, normed.shape(), "router input");
  jitter_into(context.exec, x, normed, jitter);
  round_to_bfloat16(context.exec, x);
  const Tensor rounded = scratch.take(DType::f32, weight.shape, "router weight");
  cast(context.exec, rounded, weight.compute);
  return {x, rounded, {}};
}

// Views of what this micro-batch uses.
RouterSaved used(const RouterSaved& saved, const TokenGroups& groups) {
  return {saved.valid.slice(0, groups.total()),   saved.expert.slice(0, groups.total()),
          saved.gate.slice(0, groups.total()),    saved.probs.slice(0, groups.total()),
          saved.log_sum.slice(0, groups.total()), saved.fraction.slice(0, groups.count),
          saved.mean_prob.slice(0, groups.count), saved.losses};
}

void clear_from(Exec& exec, Tensor tensor, int64_t row) {
  fill_zero(exec, tensor.slice(row, tensor.dim(0) - row));
}

}  // namespace

TokenGroups token_groups(const ExpertsSection& experts, Stack stack, int64_t sequences,
                         int64_t length) {
  const int64_t tokens = group_tokens(experts, stack, length);
  return {std::max<int64_t>(1, ceil_div(sequences * length, tokens)), tokens};
}

TokenGroups token_groups(const ExpertsSection& experts, const LayerDims& dims) {
  return token_groups(experts, dims.stack, dims.sequences, dims.length);
}

TokenGroups token_groups(const LayerContext& context) {
  return token_groups(context.model.experts, context.stack, context.sequences, context.length);
}

RouterParams router_params(ParamStore& store, const std::string& prefix,
                           const ModelSection& model) {
  const Init init{Init::Kind::truncated_normal,
                  std::sqrt(model.init_scale / static_cast<double>(model.d_model))};
  return {store.add(prefix + "/router", {model.d_model, model.experts.count},
                    Placement::replicated(), init, {.reads = Reads::master}),
          store.add_site("jitter/" + prefix)};
}

RouterSaved router_plan(Arena& arena, const ModelSection& model, const LayerDims& dims) {
  const TokenGroups groups = token_groups(model.experts, dims);
  const int64_t tokens = groups.total(), experts = model.experts.count;
  RouterSaved saved;
  saved.valid = arena.take(DType::i32, {tokens}, "router valid");
  saved.expert = arena.take(DType::i32, {tokens, kChoices}, "router expert");
  saved.gate = arena.take(dims.statistics(), {tokens, kChoices}, "router gate");
  saved.probs = arena.take(dims.statistics(), {tokens, experts}, "router probabilities");
  saved.log_sum = arena.take(dims.statistics(), {tokens}, "router log_sum");
  saved.fraction = arena.take(dims.statistics(), {groups.count, experts}, "router fraction");
  saved.mean_prob = arena.take(dims.statistics(), {groups.count, experts}, "router mean_prob");
  saved.losses = arena.take(dims.statistics(), {2}, "router losses");
  return saved;
}

void jitter_for_all(const LayerContext& context, const RouterParams& params, Tensor normed) {
  if (jitters(context) && experts_see_jitter(context, normed)) {
    jitter_into(context.exec, normed, normed,
                jitter_of(context, params, context.first_stream_row()));
  }
}

void route_forward(const LayerContext& context, const RouterParams& params, RouterSaved& saved,
                   Tensor normed) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const TokenGroups groups = token_groups(context);
  const RouterSaved now = used(saved, groups);
  const DType dtype = compute_dtype(normed.dtype());
  const bool rounded = is_rounded(context, normed);
  const int64_t tokens = context.tokens();

  copy(exec, now.valid.slice(0, tokens), context.valid);
  clear_from(exec, now.valid, tokens);
  const Tensor logits = scratch.take(dtype, now.probs.shape(), "router logits");
  clear_from(exec, logits, tokens);
  const Operands of = router_operands(context, params, normed, scratch);
  router_logits_forward(exec, logits.slice(0, tokens), of.x, of.weight, of.jitter);
  if (rounded) round_to_bfloat16(exec, logits);
  router_forward(exec, now.probs, now.gate, now.log_sum, now.expert, now.fraction, now.mean_prob,
                 now.losses, logits, now.valid);
  if (rounded) round_to_bfloat16(exec, now.probs);
  if (rounded) round_to_bfloat16(exec, now.gate);
}

void observe_confidence(const LayerContext& context, const RouterSaved& saved, Tensor sums) {
  ScratchScope scratch(context.exec);
  const RouterSaved now = used(saved, token_groups(context));
  const Shape tokens{now.probs.dim(0)};
  const Tensor entropy = scratch.take(now.probs.dtype(), tokens, "router entropy");
  const Tensor largest = scratch.take(now.probs.dtype(), tokens, "router largest probability");
  router_confidence(context.exec, entropy, largest, now.probs, now.expert);
  add_sum(context.exec, sums.slice(0, 1), entropy);
  add_sum(context.exec, sums.slice(1, 1), largest);
}

void route_backward(const LayerContext& context, const RouterParams& params,
                    const RouterSaved& saved, Tensor d_normed, Tensor d_gate, Tensor normed) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const RouterSaved now = used(saved, token_groups(context));
  const DType dtype = compute_dtype(normed.dtype());
  const RouterLossGrad losses = router_loss_grad(context, now.fraction);
  const Tensor d_logits = scratch.take(dtype, now.probs.shape(), "router d_logits");
  router_backward(exec, d_logits, d_gate, now.probs, now.log_sum, now.expert, losses.fraction,
                  now.valid, losses.balance_scale, losses.z_scale);
  const bool rounded = is_rounded(context, normed);
  if (rounded) round_to_bfloat16(exec, d_logits);
  const Operands of = router_operands(context, params, normed, scratch);
  const Tensor d_x = rounded ? scratch.take(dtype, normed.shape(), "router d_input") : d_normed;
  router_logits_backward(exec, d_x, params.weight->cleared_grad(exec),
                         d_logits.slice(0, context.tokens()), of.x, of.weight, of.jitter);
  if (rounded) jitter_into(exec, d_normed, d_x, own_jitter(context, params, normed));
}

}  // namespace sy
