// SPDX-License-Identifier: Apache-2.0
// Output projection and cross-entropy (docs/math.md, "Loss"):
//   logits = scale h embedding^T  (tied),   logits = scale h lm_head^T  (untied)
// Rows are processed in chunks, each with its gradient right away, so that the logits are never
// held in full and never recomputed. The rows of the table, the vocabulary, are sharded over the
// model ranks; to compute the loss they exchange three numbers per row, never logits.
#pragma once

#include "lib/model/context.h"
#include "lib/model/param.h"
#include "lib/model/soft_loss.h"

namespace sy {

// Rows per chunk; its logits are [loss_rows, vocab] of scratch. Each chunk reads and writes the
// whole gradient of the table. On a GPU this takes longer than the GEMM unless chunks are large
// (docs/gpu.md); on a CPU small chunks keep the logits in cache.
int64_t loss_rows(Backend backend);

struct LossParams {
  Param* table = nullptr;  // [vocab, d_model], rows sharded: the embedding when tied, or "lm_head"
  double scale = 1.0;      // factor of h: d_model^-0.5 or 1 (scales_decoder_outputs)
};

// Declares "lm_head" unless the embeddings are tied.
LossParams loss_params(ParamStore& store, const ModelSection& model, Param* embedding);

// Overwrites scaled = params.scale * h and this rank's columns of the logits of it.
void project_logits(Exec& exec, const LossParams& params, Tensor logits, Tensor scaled, Tensor h);

// Sums over the rows whose target is not padding, float64 [1] each, in the exec's memory.
struct LossSums {
  Tensor cross_entropy;  // in nats
  Tensor logit_z = {};   // (log Z)^2, Z = sum of e^logit; empty: not wanted
  Tensor soft = {};      // cross-entropy with a teacher's distribution, in nats
};

// Adds to `sums`, to logit_z only in training with context.step.logit_z_loss > 0. h is [T,
// d_model], targets int32 [T]. If d_h [stream_rows(), d_model] is given, it is overwritten with the
// gradient of context.step.loss_scale * (cross-entropy + logit_z_loss * logit_z), and that of the
// table is added to table.grad. chunk_rows is the number of rows per chunk; 0: loss_rows(). With a
// teacher, for training alone, this loss has the factor 1 - soft.weight, soft_loss() is added to
// it, and sums.soft is needed.
void loss_forward(const LayerContext& context, const LossParams& params, const LossSums& sums,
                  Tensor d_h, Tensor h, Tensor targets, int64_t chunk_rows = 0,
                  const SoftTargets& soft = {});

// logits [rows, vocab], of compute_dtype() of h, is overwritten. h is [rows, d_model]. The model
// ranks gather the logits, for generation.
void output_logits(const LayerContext& context, const LossParams& params, Tensor logits, Tensor h);

}  // namespace sy
