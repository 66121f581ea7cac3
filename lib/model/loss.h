// The output projection and the cross-entropy (docs/math.md, "Loss"):
//   logits = scale h embedding^T  (tied),   logits = scale h lm_head^T  (untied)
// A few rows at a time, with their gradient at once, so that the logits are never held whole and
// never computed twice.
#pragma once

#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

// Rows of logits held at a time: [loss_rows, vocab] of scratch. Each time the table's whole
// gradient is read and written, which on a GPU takes longer than the product until rows are many
// (docs/gpu.md); a CPU keeps the logits of few rows in its caches.
int64_t loss_rows(Backend backend);

struct LossParams {
  Param* table = nullptr;  // [vocab, d_model]: the embedding when tied, else "lm_head"
  double scale = 1.0;      // of h: d_model^-0.5 or 1 (scales_decoder_outputs)
};

// Declares "lm_head" unless the embeddings are tied.
LossParams loss_params(ParamStore& store, const ModelSection& model, Param* embedding);

// total (float64 [1], of the exec's memory) += the cross-entropy in nats, summed over the rows
// whose target is not pad. h [T, d_model], targets int32 [T]. With d_h [T, d_model] (overwritten)
// also the gradient of context.step.loss_scale * cross-entropy: into d_h, and added to table.grad.
// At most chunk_rows rows at a time; 0: loss_rows().
void loss_forward(const LayerContext& context, const LossParams& params, Tensor total, Tensor d_h,
                  Tensor h, Tensor targets, int64_t chunk_rows = 0);

// logits [rows, vocab] (overwritten, of h's compute_dtype()) of h [rows, d_model].
void output_logits(const LayerContext& context, const LossParams& params, Tensor logits, Tensor h);

}  // namespace sy
