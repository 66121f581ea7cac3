// SPDX-License-Identifier: Apache-2.0
#include "lib/model/attention.h"

#include <cmath>

#include "kernels/attention/attention.h"
#include "kernels/rms_norm/rms_norm.h"
#include "lib/base/numeric.h"
#include "lib/model/linear.h"

namespace sy {
namespace {

// Views [B, L, H, d_kv] as [B * L, H * d_kv], and back.
Tensor merged(Tensor heads) {
  return heads.view({heads.dim(0) * heads.dim(1), heads.dim(2) * heads.dim(3)});
}

AttentionSpec spec_of(const LayerContext& context, const AttentionParams& params) {
  AttentionSpec spec;
  spec.causal = params.causal;
  spec.bidirectional = !params.causal;
  spec.max_distance = narrow<int>(context.model.relative_max_distance);
  spec.dropout_rate = static_cast<float>(context.dropout_rate());
  spec.dropout_key = context.key(params.sites.probs);
  spec.first_sequence = context.step.first_sequence;
  return spec;
}

Tensor bias_value(const AttentionParams& params) {
  return params.relative_bias != nullptr ? params.relative_bias->value : Tensor();
}
Tensor bias_grad(Exec& exec, const AttentionParams& params) {
  return params.relative_bias != nullptr ? params.relative_bias->cleared_grad(exec) : Tensor();
}

// The part of the planned tensors that this micro-batch uses.
AttentionSaved filled(const AttentionSaved& saved, const LayerContext& context) {
  const int64_t sequences = context.sequences, tokens = context.tokens();
  return {saved.x,
          saved.rstd.slice(0, tokens),
          saved.normed.slice(0, tokens),
          saved.q.slice(0, sequences),
          saved.k.slice(0, sequences),
          saved.v.slice(0, sequences),
          saved.log_sum.slice(0, sequences),
          saved.attended.slice(0, sequences)};
}

void normalise(const LayerContext& context, const AttentionParams& params, AttentionSaved& saved,
               Tensor x) {
  saved.x = x;
  rms_norm_forward(context.exec, saved.normed.slice(0, context.tokens()),
                   saved.rstd.slice(0, context.tokens()), x, params.norm->value);
}

void attend(const LayerContext& context, const AttentionParams& params, const AttentionSaved& saved,
            Tensor out, const AttentionSource& source) {
  Exec& exec = context.exec;
  linear_forward(exec, merged(saved.q), saved.normed, *params.q);
  linear_forward(exec, merged(saved.k), source.rows, *params.k);
  linear_forward(exec, merged(saved.v), source.rows, *params.v);
  attention_forward(exec, saved.attended, saved.log_sum, saved.q, saved.k, saved.v,
                    bias_value(params), source.lengths, spec_of(context, params));
  linear_residual_forward(exec, out, saved.x, merged(saved.attended), *params.o,
                          context.dropout(params.sites.output));
}

// d_normed is overwritten with the gradient of the normed input through the queries. The gradient
// through keys and values is added to d_source, which may be d_normed itself.
void attend_backward(const LayerContext& context, const AttentionParams& params,
                     const AttentionSaved& saved, Tensor d_normed, Tensor d_source, Tensor d_out,
                     const AttentionSource& source) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const DType dtype = d_out.dtype();
  const Tensor d_attended = scratch.take(dtype, saved.attended.shape(), "attention d_attended");
  const Tensor d_q = scratch.take(dtype, saved.q.shape(), "attention d_q");
  const Tensor d_k = scratch.take(dtype, saved.k.shape(), "attention d_k");
  const Tensor d_v = scratch.take(dtype, saved.v.shape(), "attention d_v");
  // d_normed has room for the gradient of o's output until that of the queries is computed.
  const Tensor d_o = dropout_backward(exec, d_normed, d_out, context.dropout(params.sites.output));
  linear_backward_weight(exec, *params.o, d_o, merged(saved.attended));
  linear_backward_input(exec, merged(d_attended), d_o, *params.o);
  attention_backward(exec, d_q, d_k, d_v, bias_grad(exec, params), d_attended, saved.attended,
                     saved.log_sum, saved.q, saved.k, saved.v, bias_value(params), source.lengths,
                     spec_of(context, params));
  linear_backward_weight(exec, *params.q, merged(d_q), saved.normed);
  linear_backward_weight(exec, *params.k, merged(d_k), source.rows);
  linear_backward_weight(exec, *params.v, merged(d_v), source.rows);
  linear_backward_input(exec, d_normed, merged(d_q), *params.q);
  linear_backward_input(exec, d_source, merged(d_k), *params.k, true);
  linear_backward_input(exec, d_source, merged(d_v), *params.v, true);
}

AttentionSource self_source(const LayerContext& context, const AttentionSaved& saved) {
  return {saved.normed, context.lengths};
}

}  // namespace

AttentionParams attention_params(ParamStore& store, const std::string& prefix,
                                 const ModelSection& model) {
  const int64_t d = model.d_model, inner = model.num_heads * model.d_kv;
  const double s = model.init_scale, fan_in = static_cast<double>(d);
  const auto cut_normal = [](double variance) {
    return Init{Init::Kind::truncated_normal, std::sqrt(variance)};
  };
  const Placement whole = Placement::replicated();
  AttentionParams params;
  params.norm = store.add(prefix + "/norm", {d}, whole, {Init::Kind::ones});
  // T5 does not scale the logits by 1 / sqrt(d_kv); the initial variance of q absorbs the factor.
  params.q = store.add(prefix + "/q", {d, inner}, whole,
                       cut_normal(s / (fan_in * static_cast<double>(model.d_kv))));
  params.k = store.add(prefix + "/k", {d, inner}, whole, cut_normal(s / fan_in));
  params.v = store.add(prefix + "/v", {d, inner}, whole, cut_normal(s / fan_in));
  params.o =
      store.add(prefix + "/o", {inner, d}, whole, cut_normal(s / static_cast<double>(inner)));
  params.sites = {store.add_site("dropout/" + prefix + "/probs"),
                  store.add_site("dropout/" + prefix + "/output")};
  return params;
}

AttentionSaved attention_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                              int64_t source_length) {
  const int64_t heads = model.num_heads, b = dims.sequences;
  const Shape queries{b, dims.length, heads, model.d_kv};
  const Shape keys{b, source_length, heads, model.d_kv};
  AttentionSaved saved;
  saved.rstd = arena.take(dims.statistics(), {dims.tokens()}, "attention rstd");
  saved.normed = arena.take(dims.dtype, {dims.tokens(), model.d_model}, "attention normed");
  saved.q = arena.take(dims.dtype, queries, "attention q");
  saved.k = arena.take(dims.dtype, keys, "attention k");
  saved.v = arena.take(dims.dtype, keys, "attention v");
  saved.log_sum = arena.take(dims.statistics(), {b, heads, dims.length}, "attention log_sum");
  saved.attended = arena.take(dims.dtype, queries, "attention attended");
  return saved;
}

void self_attention_forward(const LayerContext& context, const AttentionParams& params,
                            AttentionSaved& saved, Tensor out, Tensor x) {
  normalise(context, params, saved, x);
  const AttentionSaved views = filled(saved, context);
  attend(context, params, views, out, self_source(context, views));
}

void self_attention_backward(const LayerContext& context, const AttentionParams& params,
                             const AttentionSaved& saved, Tensor d_x, Tensor d_out) {
  ScratchScope scratch(context.exec);
  const AttentionSaved views = filled(saved, context);
  const Tensor d_normed = scratch.take(d_out.dtype(), d_out.shape(), "attention d_normed");
  attend_backward(context, params, views, d_normed, d_normed, d_out, self_source(context, views));
  rms_norm_backward(context.exec, d_x, params.norm->cleared_grad(context.exec), d_normed, views.x,
                    params.norm->value, views.rstd, d_out);
}

void cross_attention_forward(const LayerContext& context, const AttentionParams& params,
                             AttentionSaved& saved, Tensor out, Tensor x,
                             const AttentionSource& encoder_output) {
  normalise(context, params, saved, x);
  attend(context, params, filled(saved, context), out, encoder_output);
}

void cross_attention_backward(const LayerContext& context, const AttentionParams& params,
                              const AttentionSaved& saved, Tensor d_x, Tensor d_encoder_output,
                              Tensor d_out, const AttentionSource& encoder_output) {
  ScratchScope scratch(context.exec);
  const AttentionSaved views = filled(saved, context);
  const Tensor d_normed = scratch.take(d_out.dtype(), d_out.shape(), "attention d_normed");
  attend_backward(context, params, views, d_normed, d_encoder_output, d_out, encoder_output);
  rms_norm_backward(context.exec, d_x, params.norm->cleared_grad(context.exec), d_normed, views.x,
                    params.norm->value, views.rstd, d_out);
}

}  // namespace sy
