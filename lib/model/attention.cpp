// SPDX-License-Identifier: Apache-2.0
#include "lib/model/attention.h"

#include <algorithm>

#include "kernels/attention/attention.h"
#include "kernels/rms_norm/rms_norm.h"
#include "lib/base/numeric.h"
#include "lib/model/initialisation.h"
#include "lib/model/linear.h"
#include "lib/model/model_axis.h"

namespace sy {
namespace {

// The views of queries, keys and values in memory that holds them one after another.
struct Projections {
  Tensor q, k, v;

  Projections(Tensor memory, const Shape& queries, const Shape& keys) {
    const int64_t of_q = queries.numel(), of_k = keys.numel();
    q = memory.slice(0, of_q).view(queries);
    k = memory.slice(of_q, of_k).view(keys);
    v = memory.slice(of_q + of_k, of_k).view(keys);
  }
};

int64_t projection_elements(const Shape& queries, const Shape& keys) {
  return queries.numel() + 2 * keys.numel();
}

// `count` tensors like `first` that follow one another: [count, B * L, H * d_kv].
Tensor following(Tensor first, int64_t count) {
  const Tensor one = merged_heads(first);
  return {one.raw(), one.dtype(), {count, one.dim(0), one.dim(1)}};
}

// Of `planned`, with the micro-batch's sequences and their length.
Shape of_sequences(const Shape& planned, int64_t sequences, int64_t length) {
  return {sequences, length, planned[2], planned[3]};
}

// source: of cross-attention; null in self-attention.
AttentionSpec spec_of(const LayerContext& context, const AttentionParams& params,
                      const AttentionSource* source) {
  AttentionSpec spec = attention_spec(context, params.causal, params.sites.probs);
  if (source == nullptr) return spec;
  spec.key_ranges = context.other_ranges;
  spec.query_ranges = source->other_ranges;
  return spec;
}

Tensor bias_value(const AttentionParams& params) {
  return params.relative_bias != nullptr ? params.relative_bias->value : Tensor();
}
Tensor bias_grad(Exec& exec, const AttentionParams& params) {
  return params.relative_bias != nullptr ? params.relative_bias->cleared_grad(exec) : Tensor();
}

// The part of the planned tensors that this micro-batch uses. source: of cross-attention; null in
// self-attention.
AttentionSaved filled(const AttentionSaved& saved, const LayerContext& context,
                      const AttentionSource* source) {
  const int64_t sequences = context.sequences, rows = context.stream_rows();
  const int64_t keys =
      source == nullptr ? context.length : source->rows.dim(0) / std::max<int64_t>(sequences, 1);
  const Shape queries = of_sequences(saved.q.shape(), sequences, context.length);
  const Projections now(saved.projected, queries, of_sequences(saved.k.shape(), sequences, keys));
  return {saved.x,
          saved.rstd.slice(0, rows),
          saved.normed.slice(0, rows),
          saved.projected,
          now.q,
          now.k,
          now.v,
          beginning_of(saved.log_sum, {sequences, queries[2], context.length}),
          beginning_of(saved.attended, queries)};
}

void normalise(const LayerContext& context, const AttentionParams& params, AttentionSaved& saved,
               Tensor x) {
  saved.x = x;
  rms_norm_forward(context.exec, saved.normed.slice(0, context.stream_rows()),
                   saved.rstd.slice(0, context.stream_rows()), x, params.norm->value);
}

// source: of cross-attention; none in self-attention.
void project(const LayerContext& context, const AttentionParams& params,
             const AttentionSaved& saved, const AttentionSource* source) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const Tensor normed = gather_stream(context, room_for_all(context, scratch, saved.normed),
                                      saved.normed, "attention input");
  if (source == nullptr) {
    return linears_forward(exec, following(saved.q, 3), normed, {params.q, params.k, params.v});
  }
  linear_forward(exec, merged_heads(saved.q), normed, *params.q);
  linears_forward(exec, following(saved.k, 2), source->rows, {params.k, params.v});
}

// The weights' gradients, from those of the projections.
void project_backward_weights(const LayerContext& context, const AttentionParams& params,
                              const AttentionSaved& saved, const Projections& d,
                              const AttentionSource* source) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const Tensor normed = gather_stream(context, room_for_all(context, scratch, saved.normed),
                                      saved.normed, "attention input");
  if (source == nullptr) {
    return linears_backward_weight(exec, {params.q, params.k, params.v}, following(d.q, 3), normed);
  }
  linear_backward_weight(exec, *params.q, merged_heads(d.q), normed);
  linears_backward_weight(exec, {params.k, params.v}, following(d.k, 2), source->rows);
}

Tensor key_lengths(const LayerContext& context, const AttentionSource* source) {
  return source == nullptr ? context.lengths : source->lengths;
}

void attend(const LayerContext& context, const AttentionParams& params, const AttentionSaved& saved,
            Tensor out, const AttentionSource* source) {
  Exec& exec = context.exec;
  project(context, params, saved, source);
  attention_forward(exec, saved.attended, saved.log_sum, saved.q, saved.k, saved.v,
                    bias_value(params), key_lengths(context, source),
                    spec_of(context, params, source));
  sharded_residual_forward(context, out, saved.x, merged_heads(saved.attended), *params.o,
                           context.dropout(params.sites.output), "attention output");
}

// d_normed is overwritten with the gradient of the normed input through the queries. In
// cross-attention, the gradient through keys and values is added to d_source, of which it is this
// rank's part of a sum over the model ranks; in self-attention d_source is empty, and it is part of
// d_normed.
void attend_backward(const LayerContext& context, const AttentionParams& params,
                     const AttentionSaved& saved, Tensor d_normed, Tensor d_source, Tensor d_out,
                     const AttentionSource* source) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const DType dtype = d_out.dtype();
  const Tensor d_attended = scratch.take(dtype, saved.attended.shape(), "attention d_attended");
  const Shape queries = saved.q.shape(), keys = saved.k.shape();
  const Projections d(
      scratch.take(dtype, {projection_elements(queries, keys)}, "attention d_q, d_k, d_v"), queries,
      keys);
  // Both have room for the gradient of o's output until that of the queries is computed.
  const Tensor d_rows =
      dropout_backward(exec, d_normed, d_out, context.dropout(params.sites.output));
  const Tensor d_all = room_for_all(context, scratch, d_normed);
  const Tensor d_o = gather_stream(context, d_all, d_rows, "attention d_output");
  linear_backward_weight(exec, *params.o, d_o, merged_heads(saved.attended));
  linear_backward_input(exec, merged_heads(d_attended), d_o, *params.o);
  attention_backward(exec, d.q, d.k, d.v, bias_grad(exec, params), d_attended, saved.attended,
                     saved.log_sum, saved.q, saved.k, saved.v, bias_value(params),
                     key_lengths(context, source), spec_of(context, params, source));
  project_backward_weights(context, params, saved, d, source);
  const Tensor d_keys = source == nullptr ? d_all : d_source;
  linear_backward_input(exec, d_all, merged_heads(d.q), *params.q);
  linear_backward_input(exec, d_keys, merged_heads(d.k), *params.k, true);
  linear_backward_input(exec, d_keys, merged_heads(d.v), *params.v, true);
  sum_to_stream(context, d_normed, d_all, "attention d_input");
}

}  // namespace

AttentionSpec attention_spec(const LayerContext& context, bool causal, uint32_t probs_site) {
  AttentionSpec spec;
  spec.causal = causal;
  spec.bidirectional = !causal;
  spec.max_distance = narrow<int>(context.model.relative_max_distance);
  spec.dropout_rate = static_cast<float>(context.dropout_rate());
  spec.dropout_by_key = context.broadcasts_dropout();
  spec.dropout_key = context.key(probs_site);
  spec.first_sequence = context.step.first_sequence;
  spec.num_heads = context.model.num_heads;
  spec.first_head =
      div_exact(spec.num_heads, int64_t{context.mesh.shape().model}) * context.mesh.model_rank();
  spec.key_ranges = spec.query_ranges = context.ranges;
  return spec;
}

Tensor merged_heads(Tensor heads) {
  return heads.view({heads.dim(0) * heads.dim(1), heads.dim(2) * heads.dim(3)});
}

Tensor beginning_of(Tensor planned, const Shape& shape) {
  return planned.view({planned.numel()}).slice(0, shape.numel()).view(shape);
}

AttentionParams attention_params(ParamStore& store, const std::string& prefix,
                                 const ModelSection& model) {
  const int64_t d = model.d_model, inner = model.num_heads * model.d_kv;
  const Init in = attention_init(model, static_cast<double>(d));
  const Placement columns = Placement::model(1), rows = Placement::model(0);
  AttentionParams params;
  params.norm = norm_params(store, prefix + "/norm", d);
  // T5 does not scale the logits by 1 / sqrt(d_kv); the initial variance of q absorbs the factor.
  params.q = store.add(prefix + "/q", {d, inner}, columns,
                       attention_init(model, static_cast<double>(d * model.d_kv)));
  params.k = store.add(prefix + "/k", {d, inner}, columns, in);
  params.v = store.add(prefix + "/v", {d, inner}, columns, in);
  params.o =
      store.add(prefix + "/o", {inner, d}, rows, attention_init(model, static_cast<double>(inner)));
  params.sites = {store.add_site("dropout/" + prefix + "/probs"),
                  store.add_site("dropout/" + prefix + "/output")};
  return params;
}

AttentionSaved attention_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                              int64_t source_length) {
  const int64_t heads = div_exact(model.num_heads, int64_t{dims.model_ranks}), b = dims.sequences;
  const Shape queries{b, dims.length, heads, model.d_kv};
  const Shape keys{b, source_length, heads, model.d_kv};
  AttentionSaved saved;
  saved.rstd = arena.take(dims.statistics(), {dims.stream_rows()}, "attention rstd");
  saved.normed = arena.take(dims.dtype, {dims.stream_rows(), model.d_model}, "attention normed");
  saved.projected =
      arena.take(dims.dtype, {projection_elements(queries, keys)}, "attention q, k, v");
  const Projections all(saved.projected, queries, keys);
  saved.q = all.q;
  saved.k = all.k;
  saved.v = all.v;
  saved.log_sum = arena.take(dims.statistics(), {b, heads, dims.length}, "attention log_sum");
  saved.attended = arena.take(dims.dtype, queries, "attention attended");
  return saved;
}

void self_attention_forward(const LayerContext& context, const AttentionParams& params,
                            AttentionSaved& saved, Tensor out, Tensor x) {
  normalise(context, params, saved, x);
  attend(context, params, filled(saved, context, nullptr), out, nullptr);
}

void self_attention_backward(const LayerContext& context, const AttentionParams& params,
                             const AttentionSaved& saved, Tensor d_x, Tensor d_out) {
  ScratchScope scratch(context.exec);
  const AttentionSaved views = filled(saved, context, nullptr);
  const Tensor d_normed = scratch.take(d_out.dtype(), d_out.shape(), "attention d_normed");
  attend_backward(context, params, views, d_normed, {}, d_out, nullptr);
  rms_norm_backward(context.exec, d_x, params.norm->cleared_grad(context.exec), d_normed, views.x,
                    params.norm->value, views.rstd, d_out);
}

void cross_attention_forward(const LayerContext& context, const AttentionParams& params,
                             AttentionSaved& saved, Tensor out, Tensor x,
                             const AttentionSource& encoder_output) {
  normalise(context, params, saved, x);
  attend(context, params, filled(saved, context, &encoder_output), out, &encoder_output);
}

void cross_attention_backward(const LayerContext& context, const AttentionParams& params,
                              const AttentionSaved& saved, Tensor d_x, Tensor d_encoder_output,
                              Tensor d_out, const AttentionSource& encoder_output) {
  ScratchScope scratch(context.exec);
  const AttentionSaved views = filled(saved, context, &encoder_output);
  const Tensor d_normed = scratch.take(d_out.dtype(), d_out.shape(), "attention d_normed");
  attend_backward(context, params, views, d_normed, d_encoder_output, d_out, &encoder_output);
  rms_norm_backward(context.exec, d_x, params.norm->cleared_grad(context.exec), d_normed, views.x,
                    params.norm->value, views.rstd, d_out);
}

}  // namespace sy
