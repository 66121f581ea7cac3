#include "lib/model/moe/router.h"

#include <algorithm>
#include <cmath>

#include "kernels/elementwise.h"
#include "kernels/router.h"
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

// The router's input: `normed` itself, or a jittered copy from scratch.
Tensor router_input(const LayerContext& context, Tensor normed, ScratchScope& scratch,
                    int sub_layer) {
  if (!jitters_alone(context, normed)) return normed;
  const Tensor input = scratch.take(normed.dtype(), normed.shape(), "router input");
  jitter(context, input, normed, sub_layer);
  return input;
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
  saved.gate = arena.take(dims.dtype, {tokens}, "router gate");
  saved.probs = arena.take(dims.dtype, {tokens, experts}, "router probabilities");
  saved.log_sum = arena.take(dims.dtype, {tokens}, "router log_sum");
  saved.fraction = arena.take(dims.dtype, {groups.count, experts}, "router fraction");
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
  const DType dtype = normed.dtype();
  const int64_t tokens = context.tokens();

  copy(exec, now.valid.slice(0, tokens), context.valid);
  clear_from(exec, now.valid, tokens);
  const Tensor logits = scratch.take(dtype, now.probs.shape(), "router logits");
  clear_from(exec, logits, tokens);
  linear_forward(exec, logits.slice(0, tokens), router_input(context, normed, scratch, sub_layer),
                 *params.weight);
  const Tensor mean_prob = scratch.take(dtype, now.fraction.shape(), "router mean_prob");
  const Tensor losses = scratch.take(dtype, {2}, "router losses");
  router_forward(exec, now.probs, now.gate, now.log_sum, now.expert, now.fraction, mean_prob,
                 losses, logits, now.valid);
  add_router_losses(context, mean_prob, losses);
}

void route_backward(const LayerContext& context, const RouterParams& params,
                    const RouterSaved& saved, Tensor d_normed, Tensor d_gate, Tensor normed,
                    int sub_layer) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const RouterSaved now = used(saved, groups_of(context));
  const RouterLossGrad losses = router_loss_grad(context, now.fraction);
  const Tensor d_logits = scratch.take(normed.dtype(), now.probs.shape(), "router d_logits");
  router_backward(exec, d_logits, d_gate, now.probs, now.log_sum, now.expert, losses.fraction,
                  now.valid, losses.balance_scale, losses.z_scale);
  const Tensor d_rows = d_logits.slice(0, context.tokens());
  linear_backward_weight(exec, *params.weight, d_rows,
                         router_input(context, normed, scratch, sub_layer));
  linear_backward_input(exec, d_normed, d_rows, *params.weight);
  if (jitters_alone(context, normed)) jitter(context, d_normed, d_normed, sub_layer);
}

}  // namespace sy
