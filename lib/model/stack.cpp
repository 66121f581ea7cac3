// SPDX-License-Identifier: Apache-2.0
#include "lib/model/stack.h"

#include "kernels/rms_norm/rms_norm.h"
#include "lib/model/embedding.h"
#include "lib/model/initialisation.h"
#include "lib/model/model_axis.h"
#include "lib/model/moe/router_losses.h"

namespace sy {
namespace {

Dropout final_dropout(const LayerContext& context, const StackParams& params) {
  return context.dropout(params.sites.final_norm);
}

}  // namespace

StackSpec encoder_spec(const ModelSection& model, Param* embedding) {
  return {"encoder", kEncoder, Stack::encoder, model.encoder_layers, false, false, embedding};
}

StackSpec decoder_spec(const ModelSection& model, Param* embedding) {
  return {"decoder", kDecoder, Stack::decoder, model.decoder_layers, true, true, embedding};
}

StackParams stack_params(ParamStore& store, const ModelSection& model, const StackSpec& spec,
                         LayerCounter& counter) {
  const std::string& name = spec.name;
  StackParams params;
  params.stream = spec.stream;
  params.embedding = spec.embedding;
  params.relative_bias =
      store.add(name + "/relative_bias", {model.relative_buckets, model.num_heads},
                Placement::model(1), relative_bias_init(model), {.reads = Reads::master});
  for (int64_t layer = 0; layer < spec.layers; ++layer) {
    const std::string prefix = fmt::format("{}/layers/{}", name, layer);
    const BlockSpec block{.sparse = is_sparse_layer(model, spec.stack, layer),
                          .sparse_attention = is_sparse_attention(model, spec.stack, layer),
                          .causal = spec.causal,
                          .cross = spec.cross,
                          .relative_bias = params.relative_bias};
    params.blocks.push_back(block_params(store, prefix, model, block, counter));
    params.routed_layers += (block.sparse ? 1 : 0) + (block.sparse_attention ? 1 : 0);
  }
  params.final_norm = norm_params(store, name + "/final_norm", model.d_model);
  params.sites = {store.add_site("dropout/" + name + "/embedding"),
                  store.add_site("dropout/" + name + "/final_norm")};
  return params;
}

StackSaved stack_plan(Arena& arena, const ModelSection& model, const StackParams& params,
                      const LayerDims& dims, int64_t source_length) {
  StackSaved saved;
  const Shape stream{dims.stream_rows(), model.d_model};
  for (size_t i = 0; i <= params.blocks.size(); ++i) {
    saved.streams.push_back(arena.take(dims.dtype, stream, "residual stream"));
  }
  saved.blocks_share = dims.recompute == Recompute::blocks;
  {
    SharedMemory memory(arena);
    for (const BlockParams& block : params.blocks) {
      if (saved.blocks_share) memory.start_over();
      saved.blocks.push_back(block_plan(arena, model, block, dims, source_length));
    }
  }
  saved.shares = stack_shares_plan(arena, model, dims, params.routed_layers,
                                   static_cast<int64_t>(params.blocks.size()));
  saved.rstd = arena.take(dims.statistics(), {dims.stream_rows()}, "final norm rstd");
  saved.out = arena.take(dims.dtype, {dims.tokens(), model.d_model}, "stack output");
  return saved;
}

Tensor stack_forward(const LayerContext& context, const StackParams& params, StackSaved& saved,
                     Tensor ids, const AttentionSource& encoder_output, RouterStats* counted,
                     const ValuesNeeded& needed) {
  Exec& exec = context.exec;
  const int64_t rows = context.stream_rows();
  const auto stream = [&](size_t i) { return saved.streams[i].slice(0, rows); };
  const auto need = [&](int end) {
    if (needed) needed(end);
  };
  need(params.embedding->number + 1);
  embed_forward(context, *params.embedding, stream(0), ids, params.sites.embedding);
  if (counted != nullptr) begin_stack_losses(context);
  for (size_t i = 0; i < params.blocks.size(); ++i) {
    need(params.end_of_block(i));
    block_forward(context, params.blocks[i], saved.blocks[i], stream(i + 1), stream(i),
                  encoder_output);
    // Before the next block overwrites what this one saved, if they share memory.
    if (counted != nullptr) block_observe(context, params.blocks[i], saved.blocks[i], *counted);
  }
  if (counted != nullptr) end_stack_losses(context, *counted);
  ScratchScope scratch(exec);
  const Tensor all = saved.out.slice(0, context.tokens());
  const Tensor out = room_for_own(context, scratch, all);
  need(params.final_norm->number + 1);
  rms_norm_forward(exec, out, saved.rstd.slice(0, rows), stream(params.blocks.size()),
                   params.final_norm->value);
  dropout_forward(exec, out, out, final_dropout(context, params));
  return gather_stream(context, all, out, "stack output");
}

void stack_backward(const LayerContext& context, const StackParams& params, StackSaved& saved,
                    Tensor d_out, Tensor d_encoder_output, Tensor ids,
                    const AttentionSource& encoder_output, GradProgress& progress) {
  Exec& exec = context.exec;
  const auto stream = [&](size_t i) { return saved.streams[i].slice(0, context.stream_rows()); };
  const Tensor d_stream = d_out;  // updated in place from block to block
  {
    ScratchScope scratch(exec);
    const Tensor d_normed = scratch.take(d_out.dtype(), d_out.shape(), "final norm d_normed");
    dropout_forward(exec, d_normed, d_out, final_dropout(context, params));
    rms_norm_backward(exec, d_stream, params.final_norm->cleared_grad(exec), d_normed,
                      stream(params.blocks.size()), params.final_norm->value,
                      saved.rstd.slice(0, context.stream_rows()), {});
  }
  progress.complete_from(params.final_norm->number);
  for (size_t i = params.blocks.size(); i-- > 0;) {
    const bool overwritten = saved.blocks_share && i + 1 < params.blocks.size();
    if (overwritten) {
      block_forward(context, params.blocks[i], saved.blocks[i], {}, stream(i), encoder_output);
    }
    block_backward(context, params.blocks[i], saved.blocks[i], d_stream, d_encoder_output,
                   encoder_output);
    progress.complete_from(params.blocks[i].first_param());
  }
  progress.complete_from(params.relative_bias->number);
  embed_backward(context, *params.embedding, d_stream, ids, params.sites.embedding);
}

}  // namespace sy
