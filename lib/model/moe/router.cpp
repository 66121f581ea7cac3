#include "lib/model/moe/router.h"

#include <algorithm>
#include <cmath>

#include "kernels/elementwise.h"
#include "kernels/router.h"
#include "kernels/router_jitter.h"
#include "lib/base/numeric.h"
#include "lib/model/linear.h"
#include "lib/model/moe/router_losses.h"

namespace sy {
namespace {

TokenGroups groups_of(const LayerContext& context) {
  return token_groups(context.model.experts, context.sequences, context.length);
}

// Hugging Face's router jitters its float32 input in place, but a bfloat16 one in a float32 copy.
bool experts_see_jitter(const LayerContext& context, Tensor normed) {
  return context.model.experts.convention == Convention::hugging_face &&
         normed.dtype() != DType::bf16;
}

void jitter(const LayerContext& context, Tensor out, Tensor x, int sub_layer) {
  router_jitter(context.exec, out, x, static_cast<float>(context.model.experts.jitter),
                context.key(sub_layer, Use::jitter), context.first_row());
}

bool jitters(const LayerContext& context) {
  return context.step.training && context.model.experts.jitter > 0;
}

bool jitters_alone(const LayerContext& context, Tensor normed) {
  return jitters(context) && !experts_see_jitter(context, normed);
}

// Whether all that the router computes is rounded as a bfloat16 router's would be.
bool is_rounded(const LayerContext& context, Tensor normed) {
  return normed.dtype() == DType::bf16 &&
         context.model.experts.router_precision == Precision::bfloat16;
}

// The router's input: `normed` itself, or a copy where it is jittered or was bfloat16.
Tensor router_input(const LayerContext& context, Tensor normed, ScratchScope& scratch,
                    int sub_layer) {
  const bool jittered = jitters_alone(context, normed);
  if (!jittered && normed.dtype() != DType::bf16) return normed;
  const Tensor input = scratch.take(compute_dtype(normed.dtype()), normed.shape(), "router input");
  if (jittered) {
    jitter(context, input, normed, sub_layer);
  } else {
    cast(context.exec, input, normed);
  }
  if (is_rounded(context, normed)) round_to_bfloat16(context.exec, input);
  return input;
}

// The master weights, whatever the activations: the router computes in float32.
Tensor router_weight(const LayerContext& context, const Param& weight, Tensor normed,
                     ScratchScope& scratch) {
  if (!is_rounded(context, normed)) return weight.value;
  const Tensor rounded = scratch.take(weight.value.dtype(), weight.shape, "router weight");
  cast(context.exec, rounded, weight.compute);
  return rounded;
}

// The views of this micro-batch's size.
RouterSaved used(const RouterSaved& saved, const TokenGroups& groups) {
  return {saved.valid.slice(0, groups.total()),   saved.expert.slice(0, groups.total()),
          saved.gate.slice(0, groups.total()),    saved.probs.slice(0, groups.total()),
          saved.log_sum.slice(0, groups.total()), saved.fraction.slice(0, groups.count)};
}

void clear_from(Exec& exec, Tensor tensor, int64_t row) {
  fill_zero(exec, tensor.slice(row, tensor.dim(0) - row));
}

}  // namespace

TokenGroups token_groups(const ExpertsSection& experts, int64_t sequences, int64_t length) {
  return {std::max<int64_t>(1, ceil_div(sequences, experts.group_sequences)),
          experts.group_sequences * length};
}

RouterParams router_params(ParamStore& store, const std::string& prefix,
                           const ModelSection& model) {
  const Init init{Init::Kind::truncated_normal,
                  std::sqrt(model.init_scale / static_cast<double>(model.d_model))};
  return {store.add(prefix + "/router", {model.d_model, model.experts.count},
                    ParamGroup::replicated, init)};
}

RouterSaved router_plan(Arena& arena, const ModelSection& model, const LayerDims& dims) {
  const TokenGroups groups = token_groups(model.experts, dims.sequences, dims.length);
  const int64_t tokens = groups.total(), experts = model.experts.count;
  RouterSaved saved;
  saved.valid = arena.take(DType::i32, {tokens}, "router valid");
  saved.expert = arena.take(DType::i32, {tokens}, "router expert");
  saved.gate = arena.take(dims.statistics(), {tokens}, "router gate");
  saved.probs = arena.take(dims.statistics(), {tokens, experts}, "router probabilities");
  saved.log_sum = arena.take(dims.statistics(), {tokens}, "router log_sum");
  saved.fraction = arena.take(dims.statistics(), {groups.count, experts}, "router fraction");
  return saved;
}

void jitter_for_all(const LayerContext& context, Tensor normed, int sub_layer) {
  if (jitters(context) && experts_see_jitter(context, normed)) {
    jitter(context, normed, normed, sub_layer);
  }
}

void route_forward(const LayerContext& context, const RouterParams& params, RouterSaved& saved,
                   Tensor normed, int sub_layer) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const TokenGroups groups = groups_of(context);
  const RouterSaved now = used(saved, groups);
  const DType dtype = compute_dtype(normed.dtype());
  const bool rounded = is_rounded(context, normed);
  const int64_t tokens = context.tokens();

  copy(exec, now.valid.slice(0, tokens), context.valid);
  clear_from(exec, now.valid, tokens);
  const Tensor logits = scratch.take(dtype, now.probs.shape(), "router logits");
  clear_from(exec, logits, tokens);
  gemm(exec, logits.slice(0, tokens), router_input(context, normed, scratch, sub_layer),
       router_weight(context, *params.weight, normed, scratch));
  if (rounded) round_to_bfloat16(exec, logits);
  const Tensor mean_prob = scratch.take(dtype, now.fraction.shape(), "router mean_prob");
  const Tensor losses = scratch.take(dtype, {2}, "router losses");
  router_forward(exec, now.probs, now.gate, now.log_sum, now.expert, now.fraction, mean_prob,
                 losses, logits, now.valid);
  if (rounded) round_to_bfloat16(exec, now.probs);
  if (rounded) round_to_bfloat16(exec, now.gate);
  add_router_losses(context, mean_prob, losses);
}

void route_backward(const LayerContext& context, const RouterParams& params,
                    const RouterSaved& saved, Tensor d_normed, Tensor d_gate, Tensor normed,
                    int sub_layer) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const RouterSaved now = used(saved, groups_of(context));
  const DType dtype = compute_dtype(normed.dtype());
  const RouterLossGrad losses = router_loss_grad(context, now.fraction);
  const Tensor d_logits = scratch.take(dtype, now.probs.shape(), "router d_logits");
  router_backward(exec, d_logits, d_gate, now.probs, now.log_sum, now.expert, losses.fraction,
                  now.valid, losses.balance_scale, losses.z_scale);
  if (is_rounded(context, normed)) round_to_bfloat16(exec, d_logits);
  const Tensor d_rows = d_logits.slice(0, context.tokens());
  linear_backward_weight(exec, *params.weight, d_rows,
                         router_input(context, normed, scratch, sub_layer));
  const Tensor d_input =
      dtype == normed.dtype() ? d_normed : scratch.take(dtype, normed.shape(), "router d_input");
  gemm(exec, d_input, d_rows, router_weight(context, *params.weight, normed, scratch),
       {.transpose_b = true});
  if (jitters_alone(context, normed)) {
    jitter(context, d_normed, d_input, sub_layer);
  } else if (dtype != normed.dtype()) {
    cast(exec, d_normed, d_input);
  }
}

}  // namespace sy
