// SPDX-License-Identifier: Apache-2.0
#include "lib/model/dense_ffn.h"

#include "kernels/activation/activation.h"
#include "kernels/rms_norm/rms_norm.h"
#include "lib/model/initialisation.h"
#include "lib/model/linear.h"
#include "lib/model/model_axis.h"

namespace sy {

DenseFfnParams dense_ffn_params(ParamStore& store, const std::string& prefix,
                                const ModelSection& model) {
  const int64_t d = model.d_model, d_ff = model.d_ff;
  const Init in = matrix_init(model, static_cast<double>(d));
  const Init out = matrix_init(model, static_cast<double>(d_ff));
  const Placement columns = Placement::model(1), rows = Placement::model(0);
  DenseFfnParams params;
  params.norm = norm_params(store, prefix + "/norm", d);
  params.wi = store.add(prefix + "/wi", {d, d_ff}, columns, in);
  if (model.activation == Activation::geglu) {
    params.wi_linear = store.add(prefix + "/wi_linear", {d, d_ff}, columns, in);
  }
  params.wo = store.add(prefix + "/wo", {d_ff, d}, rows, out);
  params.sites = {store.add_site("dropout/" + prefix + "/hidden"),
                  store.add_site("dropout/" + prefix + "/output")};
  return params;
}

DenseFfnSaved dense_ffn_plan(Arena& arena, const ModelSection& model, const LayerDims& dims) {
  const Shape inner{dims.tokens(), div_exact(model.d_ff, int64_t{dims.model_ranks})};
  DenseFfnSaved saved;
  saved.rstd = arena.take(dims.statistics(), {dims.stream_rows()}, "ffn rstd");
  saved.normed = arena.take(dims.dtype, {dims.stream_rows(), model.d_model}, "ffn normed");
  saved.hidden = arena.take(dims.dtype, inner, "ffn hidden");
  saved.activated = saved.hidden;
  if (model.activation == Activation::relu) return saved;
  saved.activated = arena.take(dims.dtype, inner, "ffn activated");
  if (model.activation == Activation::geglu) {
    saved.linear = arena.take(dims.dtype, inner, "ffn linear");
  }
  return saved;
}

void dense_ffn_forward(const LayerContext& context, const DenseFfnParams& params,
                       DenseFfnSaved& saved, Tensor out, Tensor x) {
  Exec& exec = context.exec;
  const int64_t tokens = context.tokens(), rows = context.stream_rows();
  const bool gated = params.wi_linear != nullptr;
  const Tensor normed = saved.normed.slice(0, rows), hidden = saved.hidden.slice(0, tokens);
  const Tensor activated = saved.activated.slice(0, tokens);
  const Tensor linear = gated ? saved.linear.slice(0, tokens) : Tensor();
  saved.x = x;
  rms_norm_forward(exec, normed, saved.rstd.slice(0, rows), x, params.norm->value);
  const Activation activation = context.model.activation;
  const Dropout dropout = context.dropout_of_shard(params.sites.hidden, context.model.d_ff);
  const bool fused = is_relu_alone(activation, dropout);
  {
    ScratchScope scratch(exec);
    const Tensor in =
        gather_stream(context, room_for_all(context, scratch, normed), normed, "ffn input");
    gemm(exec, hidden, in, params.wi->compute, {.relu = fused});
    if (gated) linear_forward(exec, linear, in, *params.wi_linear);
  }
  if (!fused) activation_forward(exec, activated, hidden, linear, activation, dropout);
  if (out.empty()) return;
  sharded_residual_forward(context, out, x, activated, *params.wo,
                           context.dropout(params.sites.output), "ffn output");
}

void dense_ffn_backward(const LayerContext& context, const DenseFfnParams& params,
                        const DenseFfnSaved& saved, Tensor d_x, Tensor d_out) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const int64_t tokens = context.tokens(), rows = context.stream_rows();
  const bool gated = params.wi_linear != nullptr;
  const DType dtype = d_out.dtype();
  const Tensor normed = saved.normed.slice(0, rows), hidden = saved.hidden.slice(0, tokens);
  const Tensor activated = saved.activated.slice(0, tokens);
  const Tensor linear = gated ? saved.linear.slice(0, tokens) : Tensor();

  // Both have room for the gradient of the output of wo, and later hold that of the norm's output.
  const Tensor d_inner = scratch.take(dtype, d_out.shape(), "ffn d_normed");
  const Tensor d_all = room_for_all(context, scratch, d_inner);
  const Tensor d_rows =
      dropout_backward(exec, d_inner, d_out, context.dropout(params.sites.output));
  const Tensor d_wo = gather_stream(context, d_all, d_rows, "ffn d_output");
  const Tensor d_hidden = scratch.take(dtype, hidden.shape(), "ffn d_hidden");
  const Tensor d_linear = gated ? scratch.take(dtype, hidden.shape(), "ffn d_linear") : Tensor();
  linear_backward_weight(exec, *params.wo, d_wo, activated);
  linear_backward_input(exec, d_hidden, d_wo, *params.wo);
  activation_backward(exec, d_hidden, d_linear, d_hidden, hidden, linear, context.model.activation,
                      context.dropout_of_shard(params.sites.hidden, context.model.d_ff));
  const Tensor in =
      gather_stream(context, room_for_all(context, scratch, normed), normed, "ffn input");
  linear_backward_weight(exec, *params.wi, d_hidden, in);
  linear_backward_input(exec, d_all, d_hidden, *params.wi);
  if (gated) {
    linear_backward_weight(exec, *params.wi_linear, d_linear, in);
    linear_backward_input(exec, d_all, d_linear, *params.wi_linear, true);
  }
  sum_to_stream(context, d_inner, d_all, "ffn d_input");
  rms_norm_backward(exec, d_x, params.norm->cleared_grad(exec), d_inner, saved.x,
                    params.norm->value, saved.rstd.slice(0, rows), d_out);
}

}  // namespace sy
