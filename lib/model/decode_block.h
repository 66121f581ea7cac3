// SPDX-License-Identifier: Apache-2.0
// One step of incremental decoding through a decoder block: one token per sequence, with the keys
// and values of earlier tokens cached. Forward only, without dropout. Uses the parameters of the
// block.
#pragma once

#include "lib/model/block.h"

namespace sy {

// The sizes that decoding is planned for.
struct DecodeShape {
  int64_t prompts = 1;         // max. sequences encoded together
  int64_t rows = 1;            // max. sequences decoded together: prompts * beams
  int64_t encoder_length = 0;  // tokens of an encoder sequence, padding included
  int64_t decoder_length = 0;  // max. tokens of a decoder sequence
};

// The cache rows that hold a sequence's keys, in order. Shared by all blocks.
struct KeyPlaces {
  Tensor index;    // int32 [rows, max. keys]
  Tensor lengths;  // int32 [rows]
};

// H is the number of this rank's heads.
struct AttentionCache {
  Tensor k;  // [N, H, d_kv]
  Tensor v;  // as k; with experts in attention, the same memory
  // Buffers of a step: rstd [rows], normed [rows, d_model], q and attended [rows, H, d_kv].
  Tensor rstd, normed, q, attended;
};

struct BlockCache {
  AttentionCache self;   // N = decoder_length * rows: position t of row r is t * rows + r
  AttentionCache cross;  // N = prompts * encoder_length
  MoeAttentionSaved moe_attention;  // of a step: its keys and queries are unused
  DenseFfnSaved dense;
  MoeFfnSaved moe;
  Tensor after_self, after_cross, out;  // [rows, d_model], the residual stream
};

// `model` is that of the step: dropless, each token its own routing group.
BlockCache block_cache_plan(Arena& arena, const ModelSection& model, const BlockParams& params,
                            const DecodeShape& shape, const LayerDims& dims);

// Computes the cross-attention keys and values, the first rows of the cache, from
// encoder_output.rows [B * encoder_length, d_model].
void block_cache_begin(Exec& exec, const BlockParams& params, BlockCache& cache,
                       const AttentionSource& encoder_output);

// Returns the residual stream after the block, a view of cache.out. x [context.sequences, d_model]
// is the stream before it. The new keys and values are written to rows [first_key, first_key +
// context.sequences) of cache.self; self.index must already include them.
Tensor block_step(const LayerContext& context, const BlockParams& params, BlockCache& cache,
                  Tensor x, const KeyPlaces& self, const KeyPlaces& cross, int64_t first_key);

}  // namespace sy
