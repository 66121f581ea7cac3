// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/moe_attention.h"

#include <cmath>

#include "kernels/attention/attention.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/rms_norm/rms_norm.h"
#include "lib/base/numeric.h"
#include "lib/model/attention.h"
#include "lib/model/initialisation.h"
#include "lib/model/linear.h"
#include "lib/model/model_axis.h"
#include "lib/model/moe/routed_experts.h"

namespace sy {
namespace {

int64_t inner_width(const ModelSection& model) {
  return model.num_heads * model.d_kv;
}

double query_scale(const ModelSection& model) {
  return 1.0 / std::sqrt(static_cast<double>(model.d_kv));
}

// The columns of this rank's heads.
struct OwnColumns {
  int64_t count, first;

  explicit OwnColumns(const LayerContext& context)
      : count(div_exact(inner_width(context.model), int64_t{context.mesh.shape().model})),
        first(count * context.mesh.model_rank()) {}
};

RoutedExperts experts_of(const LayerContext& context, const MoeAttentionParams& params,
                         const MoeAttentionSaved& saved) {
  return {context, params.experts, saved.experts, saved.routing.dispatch, params.sites.hidden};
}

// The part of the planned tensors that this micro-batch uses.
MoeAttentionSaved filled(const MoeAttentionSaved& saved, const LayerContext& context) {
  MoeAttentionSaved now = saved;
  for (Tensor* of_tokens : {&now.rstd, &now.normed}) {
    *of_tokens = of_tokens->slice(0, context.stream_rows());
  }
  const int64_t heads = saved.q.dim(2);
  for (Tensor* of_heads : {&now.q, &now.k, &now.attended}) {
    *of_heads = beginning_of(*of_heads, {context.sequences, context.length, heads, saved.q.dim(3)});
  }
  now.log_sum = beginning_of(now.log_sum, {context.sequences, heads, context.length});
  return now;
}

// d_both [rows, 2 H d_kv] is overwritten with the gradient of the experts' outputs for all heads,
// of which each model rank has d_q and d_k [T, this rank's H * d_kv]. d_q is scaled in place.
void join_heads(const LayerContext& context, Tensor d_both, Tensor d_q, Tensor d_k) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const OwnColumns own(context);
  const int64_t inner = inner_width(context.model);
  const Tensor all = room_for_all(context, scratch, d_both);
  scale_inplace(exec, d_q, query_scale(context.model));
  if (own.count < inner) fill_zero(exec, all);
  copy_columns(exec, all, own.first, d_q, 0, own.count);
  copy_columns(exec, all, inner + own.first, d_k, 0, own.count);
  sum_to_stream(context, d_both, all, "attention d_heads");
}

}  // namespace

MoeAttentionParams moe_attention_params(ParamStore& store, const std::string& prefix,
                                        const ModelSection& model, LayerCounter& counter) {
  const int64_t inner = inner_width(model);
  MoeAttentionParams params;
  params.norm = norm_params(store, prefix + "/norm", model.d_model);
  params.routing = routing_params(store, prefix, model, counter);
  params.experts = experts_params(store, prefix, model,
                                  {.outputs = 2 * inner,
                                   .linear = model.experts.attention_form == AttentionForm::linear,
                                   .last = "/qk"});
  params.o = store.add(prefix + "/o", {inner, model.d_model}, Placement::model(0),
                       attention_init(model, static_cast<double>(inner)));
  params.sites = {store.add_site("dropout/" + prefix + "/hidden"),
                  store.add_site("dropout/" + prefix + "/probs"),
                  store.add_site("dropout/" + prefix + "/output")};
  return params;
}

MoeAttentionSaved moe_attention_plan(Arena& arena, const ModelSection& model,
                                     const LayerDims& dims) {
  const int64_t heads = div_exact(model.num_heads, int64_t{dims.model_ranks}), b = dims.sequences;
  const Shape queries{b, dims.length, heads, model.d_kv};
  const bool keep_inner =
      dims.recompute != Recompute::experts && model.experts.attention_form != AttentionForm::linear;
  MoeAttentionSaved saved;
  saved.rstd = arena.take(dims.statistics(), {dims.stream_rows()}, "attention rstd");
  saved.normed = arena.take(dims.dtype, {dims.stream_rows(), model.d_model}, "attention normed");
  saved.routing = routing_plan(arena, model, dims, 2 * inner_width(model));
  saved.experts = experts_plan(arena, model, dims.dtype, dispatch_sizes(model, dims).rows,
                               dims.model_ranks, keep_inner);
  saved.q = arena.take(dims.dtype, queries, "attention q");
  saved.k = arena.take(dims.dtype, queries, "attention k");
  saved.log_sum = arena.take(dims.statistics(), {b, heads, dims.length}, "attention log_sum");
  saved.attended = arena.take(dims.dtype, queries, "attention attended");
  return saved;
}

void moe_attention_project(const LayerContext& context, const MoeAttentionParams& params,
                           MoeAttentionSaved& saved, Tensor q, Tensor k, Tensor x) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const int64_t rows = context.stream_rows(), inner = inner_width(context.model);
  const OwnColumns own(context);
  const Tensor normed = saved.normed.slice(0, rows);
  saved.x = x;
  rms_norm_forward(exec, normed, saved.rstd.slice(0, rows), x, params.norm->value);
  const Tensor both = scratch.take(x.dtype(), {rows, 2 * inner}, "attention q and k");
  routing_forward(context, params.routing, saved.routing, both, saved.experts.in, normed,
                  experts_of(context, params, saved));
  const Tensor all =
      gather_stream(context, room_for_all(context, scratch, both), both, "attention q and k");
  copy_columns(exec, q, 0, all, own.first, own.count);
  copy_columns(exec, k, 0, all, inner + own.first, own.count);
  scale_inplace(exec, q, query_scale(context.model));
}

void moe_attention_forward(const LayerContext& context, const MoeAttentionParams& params,
                           MoeAttentionSaved& saved, Tensor out, Tensor x) {
  const MoeAttentionSaved now = filled(saved, context);
  moe_attention_project(context, params, saved, merged_heads(now.q), merged_heads(now.k), x);
  attention_forward(context.exec, now.attended, now.log_sum, now.q, now.k, now.k,
                    params.relative_bias->value, context.lengths,
                    attention_spec(context, params.causal, params.sites.probs));
  sharded_residual_forward(context, out, x, merged_heads(now.attended), *params.o,
                           context.dropout(params.sites.output), "attention output");
}

void moe_attention_backward(const LayerContext& context, const MoeAttentionParams& params,
                            MoeAttentionSaved& saved, Tensor d_x, Tensor d_out) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const MoeAttentionSaved now = filled(saved, context);
  const auto room = [&](Shape shape, const char* label) {
    return scratch.take(d_out.dtype(), shape, label);
  };
  const Tensor d_normed = room(d_out.shape(), "attention d_normed");
  const Tensor d_tokens = room(d_out.shape(), "attention d_tokens");
  const Tensor d_both = room({d_out.dim(0), 2 * inner_width(context.model)}, "attention d_q, d_k");
  {
    ScratchScope heads(exec);
    const auto of_heads = [&](const char* label) {
      return heads.take(d_out.dtype(), now.q.shape(), label);
    };
    const Tensor d_attended = of_heads("attention d_attended"), d_q = of_heads("attention d_q");
    const Tensor d_k = of_heads("attention d_k"), d_v = of_heads("attention d_v");
    const Tensor d_rows =
        dropout_backward(exec, d_normed, d_out, context.dropout(params.sites.output));
    const Tensor d_o = gather_stream(context, room_for_all(context, heads, d_normed), d_rows,
                                     "attention d_output");
    linear_backward_weight(exec, *params.o, d_o, merged_heads(now.attended));
    linear_backward_input(exec, merged_heads(d_attended), d_o, *params.o);
    attention_backward(exec, d_q, d_k, d_v, params.relative_bias->cleared_grad(exec), d_attended,
                       now.attended, now.log_sum, now.q, now.k, now.k, params.relative_bias->value,
                       context.lengths, attention_spec(context, params.causal, params.sites.probs));
    add_inplace(exec, d_k, d_v);
    join_heads(context, d_both, merged_heads(d_q), merged_heads(d_k));
  }
  routing_backward(context, params.routing, saved.routing, d_normed, d_tokens, d_both, now.normed,
                   experts_of(context, params, saved));
  rms_norm_backward(exec, d_x, params.norm->cleared_grad(exec), d_normed, now.x, params.norm->value,
                    now.rstd, d_out);
}

}  // namespace sy
