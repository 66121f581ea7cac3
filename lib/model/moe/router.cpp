// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/router.h"

#include <algorithm>
#include <initializer_list>

#include "kernels/elementwise/elementwise.h"
#include "kernels/router/router.h"
#include "kernels/router/router_bias.h"
#include "kernels/router/router_confidence.h"
#include "kernels/router/router_expert_choice.h"
#include "kernels/router/router_hash.h"
#include "kernels/router/router_jitter.h"
#include "kernels/router/router_logits.h"
#include "kernels/router/router_ntlb.h"
#include "kernels/router/router_sample.h"
#include "kernels/router/router_top2.h"
#include "lib/base/numeric.h"
#include "lib/model/initialisation.h"
#include "lib/model/moe/dispatch.h"
#include "lib/model/moe/router_choice_losses.h"
#include "lib/model/moe/router_losses.h"

namespace sy {
namespace {

// Hugging Face's router jitters a float32 input in place, but a bfloat16 one in a float32 copy.
bool experts_see_jitter(const LayerContext& context, Tensor normed) {
  return context.model.experts.convention == Convention::hugging_face &&
         normed.dtype() != DType::bf16;
}

bool explores(const LayerContext& context, Exploration how) {
  return context.step.training && context.model.experts.exploration == how;
}

bool jitters(const LayerContext& context) {
  return explores(context, Exploration::jitter) && context.model.experts.jitter > 0;
}

bool samples(const LayerContext& context) {
  return context.step.training ? explores(context, Exploration::sample)
                               : context.model.experts.eval_exploration == EvalExploration::sample;
}

// Of the router's input alone: the experts see all of it.
Dropout input_dropout(const LayerContext& context, const RouterParams& params) {
  const bool drops = explores(context, Exploration::input_dropout);
  return {drops ? static_cast<float>(context.model.experts.router_dropout) : 0.0f,
          context.key(params.dropout_site),
          context.first_row(),
          {}};
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
  return normed.dtype() == DType::bf16 && router_rounding(context.model.experts).results;
}

// Whether the losses' means are rounded too.
bool rounds_means(const LayerContext& context, Tensor normed) {
  return is_rounded(context, normed) && router_rounding(context.model.experts).means;
}

// The weight [d_model, E], or a rounded copy of it.
Tensor weight_of(const LayerContext& context, const RouterParams& params, ScratchScope& scratch) {
  const Tensor weight = params.weight->value;
  if (!router_rounding(context.model.experts).weight || weight.dtype() != DType::f32) return weight;
  const Tensor rounded = scratch.take(DType::f32, weight.shape(), "router weight");
  copy(context.exec, rounded, weight);
  round_to_bfloat16(context.exec, rounded);
  return rounded;
}

// The operands of the logits: the activations as they are and the master weights, since the router
// computes in float32. Where they are rounded, or dropped out, float32 copies.
struct Operands {
  Tensor x, weight;
  RouterJitter jitter;
};

Operands router_operands(const LayerContext& context, const RouterParams& params, Tensor normed,
                         ScratchScope& scratch) {
  const Tensor weight = weight_of(context, params, scratch);
  const RouterJitter jitter = own_jitter(context, params, normed);
  const Dropout dropout = input_dropout(context, params);
  const bool rounded = is_rounded(context, normed);
  if (!rounded && dropout.rate == 0) return {normed, weight, jitter};
  const Tensor x = scratch.take(compute_dtype(normed.dtype()), normed.shape(), "router input");
  jitter_into(context.exec, x, normed, jitter);
  if (dropout.rate > 0) dropout_forward(context.exec, x, x, dropout);
  if (rounded) round_to_bfloat16(context.exec, x);
  return {x, weight, {}};
}

bool is_hashed(const ModelSection& model) {
  return model.experts.routing == Routing::hash;
}

bool experts_choose(const LayerContext& context) {
  return context.model.experts.routing == Routing::expert_choice;
}

// Views of what this micro-batch uses.
RouterSaved used(const RouterSaved& saved, const TokenGroups& groups) {
  RouterSaved now = saved;
  const auto keep = [](std::initializer_list<Tensor*> tensors, int64_t rows) {
    for (Tensor* tensor : tensors) {
      if (!tensor->empty()) *tensor = tensor->slice(0, rows);
    }
  };
  keep({&now.valid, &now.expert, &now.gate, &now.second, &now.probs, &now.log_sum, &now.raw_noise,
        &now.noisy},
       groups.total());
  keep({&now.fraction, &now.mean_prob, &now.second_fraction, &now.importance, &now.load},
       groups.count);
  return now;
}

void clear_from(Exec& exec, Tensor tensor, int64_t row) {
  fill_zero(exec, tensor.slice(row, tensor.dim(0) - row));
}

void hash_forward(const LayerContext& context, const RouterParams& params,
                  const RouterSaved& saved) {
  Exec& exec = context.exec;
  const ModelSection& model = context.model;
  const int64_t tokens = context.tokens(), all = token_groups(context).total();
  const Tensor valid = saved.valid.slice(0, all);
  copy(exec, valid.slice(0, tokens), context.valid);
  clear_from(exec, valid, tokens);
  router_hash(exec, saved.gate.slice(0, all), saved.expert.slice(0, all), context.ids, valid,
              model.vocab_size.value, model.experts.count, params.hash_site);
  fill_zero(exec, saved.losses);
}

Top2Rule top2_rule(const LayerContext& context, const RouterParams& params) {
  const ExpertsSection& experts = context.model.experts;
  return {experts.normalise_gates, experts.second_policy,
          static_cast<float>(experts.second_threshold), context.key(params.second_site),
          context.first_row()};
}

// What experts are chosen by, in place of the logits; empty if it is them.
Tensor scores_of(const LayerContext& context, const RouterParams& params, Tensor logits,
                 ScratchScope& scratch) {
  if (!samples(context) && params.bias == nullptr) return {};
  const Tensor scores = scratch.take(logits.dtype(), logits.shape(), "router scores");
  if (params.bias != nullptr) {
    router_bias_scores(context.exec, scores, logits, params.bias->value);
    return scores;
  }
  router_sample(context.exec, scores, logits,
                static_cast<float>(context.model.experts.sample_temperature),
                context.key(params.sample_site), context.first_row());
  return scores;
}

// Moves tokens whose expert is full to another one, and takes the balance loss of all choices.
void leave_no_token_behind(const LayerContext& context, const RouterSaved& now, Tensor scores) {
  Exec& exec = context.exec;
  const ExpertsSection& experts = context.model.experts;
  const int64_t tokens = token_groups(context).tokens;
  const int64_t capacity = experts.capacity == CapacityMode::dropless
                               ? tokens
                               : expert_capacity(experts, tokens, context.step.training);
  router_ntlb(exec, now.gate, now.expert, now.fraction, now.probs, scores, now.valid,
              experts.ntlb_top_k, capacity);
  router_balance(exec, now.losses.slice(0, 1), now.fraction, now.mean_prob);
}

// Everything from the logits on. `rounds`: see router_forward().
void choose(const LayerContext& context, const RouterParams& params, const RouterSaved& now,
            Tensor logits, bool rounds) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const Tensor scores = scores_of(context, params, logits, scratch);
  const bool two = context.model.experts.top_k == 2;
  const Shape one{logits.dim(0), 1};
  const Tensor gate =
      now.gate.dim(1) > 1 ? scratch.take(now.gate.dtype(), one, "router first gate") : now.gate;
  const Tensor expert = two ? scratch.take(DType::i32, one, "router first expert") : now.expert;
  router_forward(exec, now.probs, gate, now.log_sum, expert, now.fraction, now.mean_prob,
                 now.losses, logits, now.valid, scores, rounds);
  if (context.model.experts.routing == Routing::no_token_left_behind) {
    leave_no_token_behind(context, now, scores.empty() ? logits : scores);
  }
  if (experts_choose(context)) fill_zero(exec, now.losses.slice(0, 1));
  if (!two) return;
  router_top2_forward(exec, now.gate, now.expert, now.second, now.probs, expert,
                      top2_rule(context, params), scores);
}

void choose_backward(const LayerContext& context, const RouterSaved& now, Tensor d_logits,
                     Tensor d_gate_alone) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const Tensor d_gate = with_importance(context, now, d_gate_alone, scratch);
  const bool two = context.model.experts.top_k == 2, by_experts = experts_choose(context);
  const bool one = !two && !by_experts;
  const RouterLossGrad losses = router_loss_grad(context, now.fraction);
  router_backward(exec, d_logits, one ? d_gate : Tensor(), now.probs, now.log_sum,
                  one ? now.expert : Tensor(), losses.fraction, now.valid,
                  by_experts ? 0.0 : losses.balance_scale, losses.z_scale);
  if (by_experts) router_expert_choice_backward(exec, d_logits, d_gate, now.probs);
  if (!two) return;
  router_top2_backward(exec, d_logits, d_gate, now.probs, now.expert, now.second,
                       context.model.experts.normalise_gates);
  second_place_backward(context, now, d_logits);
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
  Param* weight = nullptr;
  Buffer* bias = nullptr;
  Param* noise = nullptr;
  if (!is_hashed(model)) {
    weight = store.add(prefix + "/router", {model.d_model, model.experts.count},
                       Placement::replicated(), router_init(model), {.reads = Reads::master});
    if (model.experts.balance_bias > 0) {
      bias = store.add_buffer(prefix + "/router_bias", {model.experts.count});
    }
    if (model.experts.exploration == Exploration::noise) {
      noise =
          store.add(prefix + "/router_noise", {model.d_model, model.experts.count},
                    Placement::replicated(), {Init::Kind::normal, 0.0}, {.reads = Reads::master});
    }
  }
  return {weight,
          bias,
          noise,
          store.add_site("hash/" + prefix),
          store.add_site("jitter/" + prefix),
          store.add_site("router_dropout/" + prefix),
          store.add_site("sample/" + prefix),
          store.add_site("second/" + prefix),
          store.add_site("noise/" + prefix)};
}

RouterSaved router_plan(Arena& arena, const ModelSection& model, const LayerDims& dims) {
  const TokenGroups groups = token_groups(model.experts, dims);
  const int64_t tokens = groups.total(), experts = model.experts.count;
  RouterSaved saved;
  saved.valid = arena.take(DType::i32, {tokens}, "router valid");
  saved.expert = arena.take(DType::i32, {tokens, model.experts.top_k}, "router expert");
  saved.gate =
      arena.take(dims.statistics(), {tokens, most_experts_per_token(model.experts)}, "router gate");
  saved.losses = arena.take(dims.statistics(), {2}, "router losses");
  if (has_choice_losses(model.experts)) {
    saved.choice_losses = arena.take(dims.statistics(), {kChoiceLosses}, "router choice losses");
  }
  if (is_hashed(model)) return saved;
  const auto by_group = [&](const char* label) {
    return arena.take(dims.statistics(), {groups.count, experts}, label);
  };
  const auto by_token = [&](const char* label) {
    return arena.take(dims.statistics(), {tokens, experts}, label);
  };
  if (model.experts.second_place_loss > 0) {
    saved.second_fraction = by_group("router second fraction");
  }
  if (model.experts.importance_loss > 0) saved.importance = by_group("router d_importance");
  if (model.experts.exploration == Exploration::noise) saved.raw_noise = by_token("router noise");
  if (model.experts.load_loss > 0) {
    saved.load = by_group("router d_load");
    saved.noisy = by_token("router noisy logits");
  }
  if (model.experts.top_k == 2) saved.second = arena.take(DType::i32, {tokens}, "router second");
  saved.probs = arena.take(dims.statistics(), {tokens, experts}, "router probabilities");
  saved.log_sum = arena.take(dims.statistics(), {tokens}, "router log_sum");
  saved.fraction = arena.take(dims.statistics(), {groups.count, experts}, "router fraction");
  saved.mean_prob = arena.take(dims.statistics(), {groups.count, experts}, "router mean_prob");
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
  if (is_hashed(context.model)) return hash_forward(context, params, saved);
  ScratchScope scratch(exec);
  const TokenGroups groups = token_groups(context);
  const RouterSaved now = used(saved, groups);
  const DType dtype = compute_dtype(normed.dtype());
  const bool rounded = is_rounded(context, normed);
  const int64_t tokens = context.tokens();

  copy(exec, now.valid.slice(0, tokens), context.valid);
  clear_from(exec, now.valid, tokens);
  const Tensor logits =
      now.noisy.empty() ? scratch.take(dtype, now.probs.shape(), "router logits") : now.noisy;
  clear_from(exec, logits, tokens);
  const Operands of = router_operands(context, params, normed, scratch);
  router_logits_forward(exec, logits.slice(0, tokens), of.x, of.weight, of.jitter);
  if (is_noisy(context)) add_noise(context, params, now, logits.slice(0, tokens), of.x);
  if (rounded) round_to_bfloat16(exec, logits);
  choose(context, params, now, logits, rounds_means(context, normed));
  if (!now.choice_losses.empty()) choice_losses(context, params, now);
  if (rounded) round_to_bfloat16(exec, now.probs);
  // The gates of experts that choose are copied from the probabilities.
  if (rounded && !experts_choose(context)) round_to_bfloat16(exec, now.gate);
}

void update_router_bias(Exec& exec, const ModelSection& model, const RouterParams& params,
                        Tensor counts, Tensor apply) {
  if (params.bias == nullptr) return;
  router_bias_update(exec, params.bias->value, counts, apply, model.experts.balance_bias);
}

void observe_confidence(const LayerContext& context, const RouterSaved& saved, Tensor sums) {
  Exec& exec = context.exec;
  const TokenGroups groups = token_groups(context);
  const auto add = [&](int64_t i, Tensor of_tokens) { add_sum(exec, sums.slice(i, 1), of_tokens); };
  if (is_hashed(context.model)) {  // certain of each token, whose gate is 1
    const Tensor gate = saved.gate.slice(0, groups.total());
    add(0, gate);
    return add(2, gate);
  }
  ScratchScope scratch(exec);
  const RouterSaved now = used(saved, groups);
  const DType dtype = now.probs.dtype();
  const Shape tokens{now.probs.dim(0)};
  const Tensor routed = scratch.take(dtype, tokens, "router tokens");
  const Tensor entropy = scratch.take(dtype, tokens, "router entropy");
  const Tensor largest = scratch.take(dtype, tokens, "router largest probability");
  router_confidence(exec, routed, entropy, largest, now.probs, now.expert);
  add(0, routed);
  add(1, entropy);
  add(2, largest);
}

void route_backward(const LayerContext& context, const RouterParams& params,
                    const RouterSaved& saved, Tensor d_normed, Tensor d_gate, Tensor normed) {
  Exec& exec = context.exec;
  if (is_hashed(context.model)) return fill_zero(exec, d_normed);
  ScratchScope scratch(exec);
  const RouterSaved now = used(saved, token_groups(context));
  const DType dtype = compute_dtype(normed.dtype());
  const Tensor d_logits = scratch.take(dtype, now.probs.shape(), "router d_logits");
  choose_backward(context, now, d_logits, d_gate);
  const bool noisy = is_noisy(context);
  const Tensor d_raw = noisy ? noise_gradient(context, params, now, d_logits, scratch) : Tensor();
  const bool rounded = is_rounded(context, normed);
  if (rounded) round_to_bfloat16(exec, d_logits);
  const Operands of = router_operands(context, params, normed, scratch);
  const Dropout dropout = input_dropout(context, params);
  const bool copied = rounded || dropout.rate > 0;
  const Tensor d_x = copied ? scratch.take(dtype, normed.shape(), "router d_input") : d_normed;
  router_logits_backward(exec, d_x, params.weight->cleared_grad(exec),
                         d_logits.slice(0, context.tokens()), of.x, of.weight, of.jitter);
  if (dropout.rate > 0) dropout_forward(exec, d_x, d_x, dropout);
  if (copied) jitter_into(exec, d_normed, d_x, own_jitter(context, params, normed));
  if (noisy) noise_backward(context, params, d_normed, d_raw, normed);
}

}  // namespace sy
