// A decoder block's step of incremental decoding: one token of each sequence through the block's
// own parameters, with the keys and values of what came before kept. Forward alone, without
// dropout.
#pragma once

#include "lib/model/block.h"

namespace sy {

// What incremental decoding is planned for.
struct DecodeShape {
  int64_t prompts = 1;         // most sequences that are encoded together
  int64_t rows = 1;            // most sequences that are decoded together: prompts * beams
  int64_t encoder_length = 0;  // of an encoded sequence, padding included
  int64_t decoder_length = 0;  // most tokens of a decoded sequence
};

// Which rows of a cache are a sequence's keys, first to last; all blocks share it.
struct KeyPlaces {
  Tensor index;    // int32 [rows, most keys]
  Tensor lengths;  // int32 [rows]
};

struct AttentionCache {
  Tensor k;  // [N, H, d_kv]
  Tensor v;  // as k
  // One step's: rstd [rows], normed [rows, d_model], q and attended [rows, H, d_kv].
  Tensor rstd, normed, q, attended;
};

struct BlockCache {
  AttentionCache self;   // N = decoder_length * rows: position t of row r is t * rows + r
  AttentionCache cross;  // N = prompts * encoder_length
  DenseFfnSaved dense;
  MoeFfnSaved moe;
  Tensor after_self, after_cross, out;  // [rows, d_model], the stream after each sub-layer
};

// `model` as the step sees it: dropless, each token its own routing group.
BlockCache block_cache_plan(Arena& arena, const ModelSection& model, const BlockParams& params,
                            const DecodeShape& shape, const LayerDims& dims);

// Fills the cross-attention's keys and values, the first rows of the cache, from the encoder's
// output memory.rows [B * encoder_length, d_model].
void block_cache_begin(Exec& exec, const BlockParams& params, BlockCache& cache,
                       const AttentionSource& memory);

// Returns the stream after the block, a view of cache.out. x [context.sequences, d_model] is the
// stream before it. The new keys and values go to rows [first_key, first_key + context.sequences)
// of cache.self, which self.index names already.
Tensor block_step(const LayerContext& context, const BlockParams& params, BlockCache& cache,
                  Tensor x, const KeyPlaces& self, const KeyPlaces& cross, int64_t first_key);

}  // namespace sy
