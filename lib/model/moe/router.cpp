#include "lib/model/moe/router.h"

#include <algorithm>
#include <cmath>

#include "kernels/elementwise.h"
#include "kernels/router.h"
#include "lib/base/numeric.h"
#include "lib/model/linear.h"

namespace sy {
namespace {

TokenGroups groups_of(const LayerContext& context) {
  return token_groups(context.model.experts, context.sequences, context.length);
}

float jitter_of(const LayerContext& context) {
  return context.step.training ? static_cast<float>(context.model.experts.jitter) : 0.0f;
}

// Whether all that the router computes is rounded as a bfloat16 router's would be.
bool is_rounded(const LayerContext& context, DType activations) {
  return activations == DType::bf16 &&
         context.model.experts.router_precision == Precision::bfloat16;
}

// The router's input: `normed` itself, or a copy where it is jittered or was bfloat16.
Tensor router_input(const LayerContext& context, Tensor normed, ScratchScope& scratch,
                    int sub_layer) {
  Exec& exec = context.exec;
  const float epsilon = jitter_of(context);
  const bool widened = normed.dtype() == DType::bf16;
  if (epsilon == 0 && !widened) return normed;
  const Tensor input = scratch.take(compute_dtype(normed.dtype()), normed.shape(), "router input");
  if (widened) cast(exec, input, normed);
  if (epsilon > 0) {
    router_jitter(exec, input, widened ? input : normed, epsilon,
                  context.key(sub_layer, Use::jitter), context.first_row());
  }
  if (is_rounded(context, normed.dtype())) round_to_bfloat16(exec, input);
  return input;
}

// The master weights, whatever the activations: the router computes in float32.
Tensor router_weight(const LayerContext& context, const Param& weight, DType activations,
                     ScratchScope& scratch) {
  if (!is_rounded(context, activations)) return weight.value;
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

double read(Tensor tensor, int64_t i) {
  return tensor.dtype() == DType::f64 ? tensor.data<double>()[i]
                                      : static_cast<double>(tensor.data<float>()[i]);
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

void route_forward(const LayerContext& context, const RouterParams& params, RouterSaved& saved,
                   Tensor normed, int sub_layer) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const TokenGroups groups = groups_of(context);
  const RouterSaved now = used(saved, groups);
  const DType dtype = compute_dtype(normed.dtype());
  const bool rounded = is_rounded(context, normed.dtype());
  const int64_t tokens = context.tokens();

  copy(exec, now.valid.slice(0, tokens), context.valid);
  clear_from(exec, now.valid, tokens);
  const Tensor logits = scratch.take(dtype, now.probs.shape(), "router logits");
  clear_from(exec, logits, tokens);
  gemm(exec, logits.slice(0, tokens), router_input(context, normed, scratch, sub_layer),
       router_weight(context, *params.weight, normed.dtype(), scratch));
  if (rounded) round_to_bfloat16(exec, logits);
  const Tensor mean_prob = scratch.take(dtype, now.fraction.shape(), "router mean_prob");
  const Tensor losses = scratch.take(dtype, {2}, "router losses");
  router_forward(exec, now.probs, now.gate, now.log_sum, now.expert, now.fraction, mean_prob,
                 losses, logits, now.valid);
  if (rounded) round_to_bfloat16(exec, now.probs);
  if (rounded) round_to_bfloat16(exec, now.gate);
  if (exec.planning) return;
  context.router_stats.balance_sum += read(losses, 0);
  context.router_stats.z_sum += read(losses, 1);
}

void route_backward(const LayerContext& context, const RouterParams& params,
                    const RouterSaved& saved, Tensor d_normed, Tensor d_gate, Tensor normed,
                    int sub_layer) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const RouterSaved now = used(saved, groups_of(context));
  const ExpertsSection& experts = context.model.experts;
  const double scale = context.step.group_scale;
  const DType dtype = compute_dtype(normed.dtype());

  const Tensor d_logits = scratch.take(dtype, now.probs.shape(), "router d_logits");
  router_backward(exec, d_logits, d_gate, now.probs, now.log_sum, now.expert, now.fraction,
                  now.valid, experts.balance_loss * scale, experts.z_loss * scale);
  if (is_rounded(context, normed.dtype())) round_to_bfloat16(exec, d_logits);
  const Tensor d_rows = d_logits.slice(0, context.tokens());
  linear_backward_weight(exec, *params.weight, d_rows,
                         router_input(context, normed, scratch, sub_layer));
  const Tensor d_input =
      dtype == normed.dtype() ? d_normed : scratch.take(dtype, normed.shape(), "router d_input");
  gemm(exec, d_input, d_rows, router_weight(context, *params.weight, normed.dtype(), scratch),
       {.transpose_b = true});
  if (jitter_of(context) > 0) {
    router_jitter(exec, d_input, d_input, jitter_of(context), context.key(sub_layer, Use::jitter),
                  context.first_row());
  }
  if (dtype != normed.dtype()) cast(exec, d_normed, d_input);
}

}  // namespace sy
