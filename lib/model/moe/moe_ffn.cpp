// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/moe_ffn.h"

#include "kernels/elementwise/elementwise.h"
#include "kernels/rms_norm/rms_norm.h"

namespace sy {

MoeFfnParams moe_ffn_params(ParamStore& store, const std::string& prefix, const ModelSection& model,
                            LayerCounter& counter) {
  MoeFfnParams params;
  params.norm = store.add(prefix + "/norm", {model.d_model}, Placement::replicated(),
                          {Init::Kind::ones}, Reads::master);
  params.routing = routing_params(store, prefix, model, counter);
  params.experts = experts_params(store, prefix, model);
  params.sites = {store.add_site("dropout/" + prefix + "/hidden"),
                  store.add_site("dropout/" + prefix + "/output")};
  return params;
}

MoeFfnSaved moe_ffn_plan(Arena& arena, const ModelSection& model, const LayerDims& dims) {
  MoeFfnSaved saved;
  saved.rstd = arena.take(dims.statistics(), {dims.tokens()}, "moe rstd");
  saved.normed = arena.take(dims.dtype, {dims.tokens(), model.d_model}, "moe normed");
  saved.routing = routing_plan(arena, model, dims);
  saved.experts =
      experts_plan(arena, model, dims.dtype, dispatch_sizes(model, dims).rows, dims.model_ranks);
  return saved;
}

void moe_ffn_forward(const LayerContext& context, const MoeFfnParams& params, MoeFfnSaved& saved,
                     Tensor out, Tensor x) {
  Exec& exec = context.exec;
  const int64_t tokens = context.tokens();
  const Tensor normed = saved.normed.slice(0, tokens);
  saved.x = x;
  rms_norm_forward(exec, normed, saved.rstd.slice(0, tokens), x, params.norm->value);
  const auto experts = [&](Dispatch& travel) {
    const Dropout dropout = expert_dropout(context, saved.routing.dispatch, params.sites.hidden);
    travel.compute_parts([&](const ExpertRows& rows) {
      experts_forward(exec, params.experts, saved.experts, rows, travel.out(),
                      context.model.activation, dropout);
    });
  };
  routing_forward(context, params.routing, saved.routing, out, saved.experts.in, normed, experts);
  residual_dropout_forward(exec, out, x, out, context.dropout(params.sites.output));
}

void moe_ffn_backward(const LayerContext& context, const MoeFfnParams& params, MoeFfnSaved& saved,
                      Tensor d_x, Tensor d_out) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const int64_t tokens = context.tokens();
  const DispatchSaved& dispatch = saved.routing.dispatch;
  const Tensor normed = saved.normed.slice(0, tokens);
  // Has room for the gradient of combine's output, and later for that of dispatch's input.
  const Tensor room = scratch.take(d_out.dtype(), d_out.shape(), "moe d_tokens");
  const Tensor d_normed = scratch.take(d_out.dtype(), d_out.shape(), "moe d_normed");
  const Tensor d_combined =
      dropout_backward(exec, room, d_out, context.dropout(params.sites.output));
  const auto experts = [&](DispatchGrad& grad) {
    ScratchScope hidden_scratch(exec);
    const Dropout dropout = expert_dropout(context, dispatch, params.sites.hidden);
    const ExpertsGrad hidden =
        experts_grad(exec, params.experts, saved.experts, dispatch.exchange.all, hidden_scratch);
    grad.compute_parts([&](const ExpertRows& rows) {
      experts_backward_input(exec, params.experts, saved.experts, rows, grad.rows(), grad.rows(),
                             hidden, context.model.activation, dropout);
    });
    experts_backward_weights(exec, params.experts, saved.experts, dispatch.exchange.all, hidden);
  };
  routing_backward(context, params.routing, saved.routing, d_normed, room, d_combined, normed,
                   experts);
  rms_norm_backward(exec, d_x, params.norm->cleared_grad(exec), d_normed, saved.x,
                    params.norm->value, saved.rstd.slice(0, tokens), d_out);
}

}  // namespace sy
