#include "lib/model/moe/moe_ffn.h"

#include "kernels/elementwise.h"
#include "kernels/rms_norm.h"
#include "lib/model/moe/router_losses.h"

namespace sy {

MoeFfnParams moe_ffn_params(ParamStore& store, const std::string& prefix,
                            const ModelSection& model) {
  MoeFfnParams params;
  params.norm =
      store.add(prefix + "/norm", {model.d_model}, ParamGroup::replicated, {Init::Kind::ones});
  params.router = router_params(store, prefix, model);
  params.experts = experts_params(store, prefix, model);
  params.labels = DispatchLabels(prefix);
  return params;
}

MoeFfnSaved moe_ffn_plan(Arena& arena, const ModelSection& model, const LayerDims& dims) {
  MoeFfnSaved saved;
  saved.rstd = arena.take(dims.statistics(), {dims.tokens()}, "moe rstd");
  saved.normed = arena.take(dims.dtype, {dims.tokens(), model.d_model}, "moe normed");
  saved.router = router_plan(arena, model, dims);
  saved.dispatch = dispatch_plan(arena, model, dims);
  saved.experts = experts_plan(arena, model, dims.dtype, dispatch_sizes(model, dims).rows);
  return saved;
}

void moe_ffn_forward(const LayerContext& context, const MoeFfnParams& params, MoeFfnSaved& saved,
                     Tensor out, Tensor x, int sub_layer) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const int64_t tokens = context.tokens();
  const Tensor normed = saved.normed.slice(0, tokens);
  DispatchSaved& dispatch = saved.dispatch;
  saved.x = x;
  rms_norm_forward(exec, normed, saved.rstd.slice(0, tokens), x, params.norm->value);
  jitter_for_all(context, normed, sub_layer);
  route_forward(context, params.router, saved.router, normed, sub_layer);
  dispatch_assign(context, params.labels, dispatch, saved.router.expert);
  Dispatch travel(context, params.labels, dispatch, scratch);
  travel.start(saved.experts.in, normed);
  const Dropout hidden_dropout = expert_dropout(context, dispatch, sub_layer);
  travel.compute_parts([&](const ExpertRows& rows) {
    experts_forward(exec, params.experts, saved.experts, rows, travel.out(),
                    context.model.activation, hidden_dropout);
  });
  travel.combine(out, saved.router.gate);
  residual_dropout_forward(exec, out, x, out, context.dropout(sub_layer, Use::output));
}

void moe_ffn_observe(const LayerContext& context, const MoeFfnSaved& saved, int sparse_layer,
                     RouterStats& stats) {
  add_counts(context.exec, stats.counts.at(sparse_layer), saved.dispatch.counts);
  observe_router(context, saved.router, saved.dispatch.slot, stats);
}

void moe_ffn_backward(const LayerContext& context, const MoeFfnParams& params, MoeFfnSaved& saved,
                      Tensor d_x, Tensor d_out, int sub_layer) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const int64_t tokens = context.tokens();
  const Activation activation = context.model.activation;
  const Tensor normed = saved.normed.slice(0, tokens);
  const Dropout hidden_dropout = expert_dropout(context, saved.dispatch, sub_layer);

  // One buffer serves as the gradient of combine's output, then of dispatch's input.
  const Tensor d_tokens = scratch.take(d_out.dtype(), d_out.shape(), "moe d_tokens");
  const Tensor d_normed = scratch.take(d_out.dtype(), d_out.shape(), "moe d_normed");
  const int64_t grouped =
      token_groups(context.model.experts, context.sequences, context.length).total();
  const Tensor d_gate = scratch.take(compute_dtype(d_out.dtype()), {grouped}, "moe d_gate");
  dropout_forward(exec, d_tokens, d_out, context.dropout(sub_layer, Use::output));
  DispatchGrad grad(context, params.labels, saved.dispatch, scratch);
  grad.start_combine(d_gate, d_tokens, saved.router.gate);
  route_backward(context, params.router, saved.router, d_normed, d_gate, normed, sub_layer);
  const ExpertsGrad hidden =
      experts_grad(params.experts, saved.experts, saved.dispatch.rows(), scratch);
  grad.compute_parts([&](const ExpertRows& rows) {
    experts_backward_input(exec, params.experts, saved.experts, rows, grad.rows(), grad.rows(),
                           hidden, activation, hidden_dropout);
  });
  experts_backward_weights(exec, params.experts, saved.experts, saved.dispatch.exchange.all,
                           hidden);
  grad.gather(d_tokens);
  add_inplace(exec, d_normed, d_tokens);
  jitter_for_all(context, d_normed, sub_layer);
  rms_norm_backward(exec, d_x, params.norm->grad, d_normed, saved.x, params.norm->value,
                    saved.rstd.slice(0, tokens), d_out);
}

}  // namespace sy
