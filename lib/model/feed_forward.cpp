// SPDX-License-Identifier: Apache-2.0
#include "lib/model/feed_forward.h"

#include "kernels/activation/activation.h"
#include "lib/model/initialisation.h"
#include "lib/model/linear.h"
#include "lib/model/model_axis.h"

namespace sy {
namespace {

// Views of what this micro-batch uses.
FeedForwardSaved used(const LayerContext& context, const FeedForwardSaved& saved) {
  const int64_t tokens = context.tokens();
  return {saved.hidden.slice(0, tokens),
          saved.linear.empty() ? Tensor() : saved.linear.slice(0, tokens),
          saved.activated.slice(0, tokens)};
}

Dropout hidden_dropout(const LayerContext& context, const FeedForwardParams& params) {
  return context.dropout_of_shard(params.hidden_site, params.d_ff());
}

}  // namespace

FeedForwardParams feed_forward_params(ParamStore& store, const std::string& prefix,
                                      const ModelSection& model, int64_t d_ff) {
  const int64_t d = model.d_model;
  const Init in = matrix_init(model, static_cast<double>(d));
  const Init out = matrix_init(model, static_cast<double>(d_ff));
  const Placement columns = Placement::model(1), rows = Placement::model(0);
  FeedForwardParams params;
  params.wi = store.add(prefix + "/wi", {d, d_ff}, columns, in);
  if (model.activation == Activation::geglu) {
    params.wi_linear = store.add(prefix + "/wi_linear", {d, d_ff}, columns, in);
  }
  params.wo = store.add(prefix + "/wo", {d_ff, d}, rows, out);
  params.hidden_site = store.add_site("dropout/" + prefix + "/hidden");
  return params;
}

FeedForwardSaved feed_forward_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                                   int64_t d_ff) {
  const Shape inner{dims.tokens(), div_exact(d_ff, int64_t{dims.model_ranks})};
  FeedForwardSaved saved;
  saved.hidden = arena.take(dims.dtype, inner, "ffn hidden");
  saved.activated = saved.hidden;
  if (model.activation == Activation::relu) return saved;
  saved.activated = arena.take(dims.dtype, inner, "ffn activated");
  if (model.activation == Activation::geglu) {
    saved.linear = arena.take(dims.dtype, inner, "ffn linear");
  }
  return saved;
}

Tensor feed_forward_inner(const LayerContext& context, const FeedForwardParams& params,
                          const FeedForwardSaved& saved, Tensor normed) {
  Exec& exec = context.exec;
  const FeedForwardSaved now = used(context, saved);
  const Activation activation = context.model.activation;
  const Dropout dropout = hidden_dropout(context, params);
  const bool fused = is_relu_alone(activation, dropout);
  {
    ScratchScope scratch(exec);
    const Tensor in =
        gather_stream(context, room_for_all(context, scratch, normed), normed, "ffn input");
    gemm(exec, now.hidden, in, params.wi->compute, {.relu = fused});
    if (params.wi_linear != nullptr) linear_forward(exec, now.linear, in, *params.wi_linear);
  }
  if (!fused) {
    activation_forward(exec, now.activated, now.hidden, now.linear, activation, dropout);
  }
  return now.activated;
}

void feed_forward_backward(const LayerContext& context, const FeedForwardParams& params,
                           const FeedForwardSaved& saved, Tensor d_normed, Tensor d_y,
                           Tensor normed) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const FeedForwardSaved now = used(context, saved);
  const bool gated = params.wi_linear != nullptr;
  const DType dtype = d_y.dtype();
  // Has room for d_y of all rows, and later for the gradient of all rows of `normed`.
  const Tensor d_all = room_for_all(context, scratch, d_normed);
  const Tensor d_wo = gather_stream(context, d_all, d_y, "ffn d_output");
  const Tensor d_hidden = scratch.take(dtype, now.hidden.shape(), "ffn d_hidden");
  const Tensor d_linear =
      gated ? scratch.take(dtype, now.hidden.shape(), "ffn d_linear") : Tensor();
  linear_backward_weight(exec, *params.wo, d_wo, now.activated);
  linear_backward_input(exec, d_hidden, d_wo, *params.wo);
  activation_backward(exec, d_hidden, d_linear, d_hidden, now.hidden, now.linear,
                      context.model.activation, hidden_dropout(context, params));
  const Tensor in =
      gather_stream(context, room_for_all(context, scratch, normed), normed, "ffn input");
  linear_backward_weight(exec, *params.wi, d_hidden, in);
  linear_backward_input(exec, d_all, d_hidden, *params.wi);
  if (gated) {
    linear_backward_weight(exec, *params.wi_linear, d_linear, in);
    linear_backward_input(exec, d_all, d_linear, *params.wi_linear, true);
  }
  sum_to_stream(context, d_normed, d_all, "ffn d_input");
}

}  // namespace sy
