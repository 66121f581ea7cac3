// SPDX-License-Identifier: Apache-2.0
#include "lib/model/decode_block.h"

#include "kernels/attention/attention_step.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/rms_norm/rms_norm.h"
#include "lib/base/numeric.h"
#include "lib/model/linear.h"
#include "lib/model/model_axis.h"

namespace sy {
namespace {

// Views [N, H, d_kv] as [N, H * d_kv].
Tensor merged(Tensor heads) {
  return heads.view({heads.dim(0), heads.dim(1) * heads.dim(2)});
}

AttentionCache cache_plan(Arena& arena, const ModelSection& model, int64_t keys,
                          const LayerDims& dims, bool shared_values = false) {
  const int64_t heads = div_exact(model.num_heads, int64_t{dims.model_ranks});
  const Shape kept{keys, heads, model.d_kv};
  const Shape step{dims.tokens(), heads, model.d_kv};
  AttentionCache cache;
  cache.k = arena.take(dims.dtype, kept, "cached keys");
  cache.v = shared_values ? cache.k : arena.take(dims.dtype, kept, "cached values");
  cache.rstd = arena.take(dims.statistics(), {dims.tokens()}, "step rstd");
  cache.normed = arena.take(dims.dtype, {dims.tokens(), model.d_model}, "step normed");
  cache.q = arena.take(dims.dtype, step, "step q");
  cache.attended = arena.take(dims.dtype, step, "step attended");
  return cache;
}

// The first rows of the buffers of a step.
AttentionCache filled(const AttentionCache& cache, int64_t rows) {
  return {cache.k,
          cache.v,
          cache.rstd.slice(0, rows),
          cache.normed.slice(0, rows),
          cache.q.slice(0, rows),
          cache.attended.slice(0, rows)};
}

// out = x + attend(cache.q) o, to the keys and values in the cache.
void attend_to_cache(const LayerContext& context, const AttentionCache& cache, Tensor out, Tensor x,
                     const Param* relative_bias, const Param& o, const KeyPlaces& places) {
  Exec& exec = context.exec;
  const int64_t rows = context.sequences;
  attention_step(exec, cache.attended, cache.q, cache.k, cache.v,
                 relative_bias != nullptr ? relative_bias->value : Tensor(),
                 places.index.slice(0, rows), places.lengths.slice(0, rows),
                 narrow<int>(context.model.relative_max_distance));
  linear_forward(exec, out, merged(cache.attended), o);
  sum_over_model(context, out, "attention output");
  add_inplace(exec, out, x);
}

// out = x + attend(norm(x)). The keys and values of this step, if any, go to the cache from row
// `first_key` on.
void attend(const LayerContext& context, const AttentionParams& params, const AttentionCache& cache,
            Tensor out, Tensor x, const KeyPlaces& places, int64_t first_key) {
  Exec& exec = context.exec;
  const int64_t rows = context.sequences;
  rms_norm_forward(exec, cache.normed, cache.rstd, x, params.norm->value);
  linear_forward(exec, merged(cache.q), cache.normed, *params.q);
  if (params.causal) {
    linear_forward(exec, merged(cache.k.slice(first_key, rows)), cache.normed, *params.k);
    linear_forward(exec, merged(cache.v.slice(first_key, rows)), cache.normed, *params.v);
  }
  attend_to_cache(context, cache, out, x, params.relative_bias, *params.o, places);
}

// The same where the queries and keys of this step come of experts.
void moe_attend(const LayerContext& context, const MoeAttentionParams& params,
                const AttentionCache& cache, MoeAttentionSaved& saved, Tensor out, Tensor x,
                const KeyPlaces& places, int64_t first_key) {
  const Tensor k = cache.k.slice(first_key, context.sequences);
  moe_attention_project(context, params, saved, merged(cache.q), merged(k), x);
  attend_to_cache(context, cache, out, x, params.relative_bias, *params.o, places);
}

}  // namespace

BlockCache block_cache_plan(Arena& arena, const ModelSection& model, const BlockParams& params,
                            const DecodeShape& shape, const LayerDims& dims) {
  const Shape stream{dims.tokens(), model.d_model};
  BlockCache cache;
  cache.self =
      cache_plan(arena, model, shape.decoder_length * shape.rows, dims, params.sparse_attention);
  if (params.sparse_attention) cache.moe_attention = moe_attention_plan(arena, model, dims);
  cache.cross = cache_plan(arena, model, shape.prompts * shape.encoder_length, dims);
  if (params.sparse) {
    cache.moe = moe_ffn_plan(arena, model, dims);
  } else {
    cache.dense = dense_ffn_plan(arena, model, dims);
  }
  cache.after_self = arena.take(dims.dtype, stream, "step after self-attention");
  cache.after_cross = arena.take(dims.dtype, stream, "step after cross-attention");
  cache.out = arena.take(dims.dtype, stream, "step after feed-forward");
  return cache;
}

void block_cache_begin(Exec& exec, const BlockParams& params, BlockCache& cache,
                       const AttentionSource& encoder_output) {
  const AttentionParams& cross = params.cross_attention;
  const int64_t rows = encoder_output.rows.dim(0);
  linear_forward(exec, merged(cache.cross.k.slice(0, rows)), encoder_output.rows, *cross.k);
  linear_forward(exec, merged(cache.cross.v.slice(0, rows)), encoder_output.rows, *cross.v);
}

Tensor block_step(const LayerContext& context, const BlockParams& params, BlockCache& cache,
                  Tensor x, const KeyPlaces& self, const KeyPlaces& cross, int64_t first_key) {
  const int64_t rows = context.sequences;
  const Tensor after_self = cache.after_self.slice(0, rows);
  const Tensor after_cross = cache.after_cross.slice(0, rows), out = cache.out.slice(0, rows);
  const AttentionCache now = filled(cache.self, rows);
  if (params.sparse_attention) {
    moe_attend(context, params.moe_attention, now, cache.moe_attention, after_self, x, self,
               first_key);
  } else {
    attend(context, params.self_attention, now, after_self, x, self, first_key);
  }
  attend(context, params.cross_attention, filled(cache.cross, rows), after_cross, after_self, cross,
         0);
  if (params.sparse) {
    moe_ffn_forward(context, params.moe, cache.moe, out, after_cross);
  } else {
    dense_ffn_forward(context, params.dense, cache.dense, out, after_cross);
  }
  return out;
}

}  // namespace sy
