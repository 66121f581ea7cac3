// SPDX-License-Identifier: Apache-2.0
#include "lib/model/block.h"

namespace sy {

BlockParams block_params(ParamStore& store, const std::string& prefix, const ModelSection& model,
                         const BlockSpec& spec, LayerCounter& counter) {
  BlockParams params;
  params.sparse_attention = spec.sparse_attention;
  if (params.sparse_attention) {
    params.moe_attention = moe_attention_params(store, prefix + "/self_attention", model, counter);
    params.moe_attention.relative_bias = spec.relative_bias;
    params.moe_attention.causal = spec.causal;
  } else {
    params.self_attention = attention_params(store, prefix + "/self_attention", model);
    params.self_attention.relative_bias = spec.relative_bias;
    params.self_attention.causal = spec.causal;
  }
  if (spec.cross) {
    params.cross_attention = attention_params(store, prefix + "/cross_attention", model);
  }
  params.sparse = spec.sparse;
  if (params.sparse) {
    params.moe = moe_ffn_params(store, prefix + "/moe", model, counter);
  } else {
    params.dense = dense_ffn_params(store, prefix + "/ffn", model);
  }
  return params;
}

BlockSaved block_plan(Arena& arena, const ModelSection& model, const BlockParams& params,
                      const LayerDims& dims, int64_t source_length) {
  const Shape stream{dims.stream_rows(), model.d_model};
  BlockSaved saved;
  if (params.sparse_attention) {
    saved.moe_attention = moe_attention_plan(arena, model, dims);
  } else {
    saved.self_attention = attention_plan(arena, model, dims, dims.length);
  }
  saved.after_self = arena.take(dims.dtype, stream, "stream after self-attention");
  if (params.has_cross_attention()) {
    saved.cross_attention = attention_plan(arena, model, dims, source_length);
    saved.after_cross = arena.take(dims.dtype, stream, "stream after cross-attention");
  }
  if (params.sparse) {
    saved.moe = moe_ffn_plan(arena, model, dims);
  } else {
    saved.dense = dense_ffn_plan(arena, model, dims);
  }
  return saved;
}

void block_forward(const LayerContext& context, const BlockParams& params, BlockSaved& saved,
                   Tensor out, Tensor x, const AttentionSource& encoder_output) {
  const int64_t rows = context.stream_rows();
  Tensor stream = saved.after_self.slice(0, rows);
  if (params.sparse_attention) {
    moe_attention_forward(context, params.moe_attention, saved.moe_attention, stream, x);
  } else {
    self_attention_forward(context, params.self_attention, saved.self_attention, stream, x);
  }
  if (params.has_cross_attention()) {
    const Tensor after = saved.after_cross.slice(0, rows);
    cross_attention_forward(context, params.cross_attention, saved.cross_attention, after, stream,
                            encoder_output);
    stream = after;
  }
  if (params.sparse) {
    moe_ffn_forward(context, params.moe, saved.moe, out, stream);
  } else {
    dense_ffn_forward(context, params.dense, saved.dense, out, stream);
  }
}

void block_observe(const LayerContext& context, const BlockParams& params, const BlockSaved& saved,
                   RouterStats& stats) {
  if (params.sparse_attention) {
    routing_observe(context, params.moe_attention.routing, saved.moe_attention.routing, stats);
  }
  if (params.sparse) routing_observe(context, params.moe.routing, saved.moe.routing, stats);
}

void block_update_biases(Exec& exec, const ModelSection& model, const BlockParams& params,
                         Tensor counts, Tensor apply) {
  const auto update = [&](const RoutingParams& routing) {
    update_router_bias(exec, model, routing.router, counts.at(routing.layer), apply);
  };
  if (params.sparse_attention) update(params.moe_attention.routing);
  if (params.sparse) update(params.moe.routing);
}

void block_backward(const LayerContext& context, const BlockParams& params, BlockSaved& saved,
                    Tensor d_stream, Tensor d_encoder_output,
                    const AttentionSource& encoder_output) {
  if (params.sparse) {
    moe_ffn_backward(context, params.moe, saved.moe, d_stream, d_stream);
  } else {
    dense_ffn_backward(context, params.dense, saved.dense, d_stream, d_stream);
  }
  if (params.has_cross_attention()) {
    cross_attention_backward(context, params.cross_attention, saved.cross_attention, d_stream,
                             d_encoder_output, d_stream, encoder_output);
  }
  if (params.sparse_attention) {
    moe_attention_backward(context, params.moe_attention, saved.moe_attention, d_stream, d_stream);
  } else {
    self_attention_backward(context, params.self_attention, saved.self_attention, d_stream,
                            d_stream);
  }
}

}  // namespace sy
