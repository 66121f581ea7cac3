// SPDX-License-Identifier: Apache-2.0
// The loss against the distribution of a teacher (Fedus et al. 2022, section 4.2; docs/math.md,
// "Distillation"), for a chunk of rows of loss.h.
#pragma once

#include "lib/model/context.h"

namespace sy {

struct LossParams;  // loss.h

// A teacher's targets for the rows of a micro-batch. It has the student's vocabulary and model
// ranks, and may differ in all else.
struct SoftTargets {
  const LossParams* output = nullptr;  // the teacher's; null: there is no teacher
  Tensor h = {};           // its decoder output [T, its d_model], in the student's dtype
  double weight = 0;       // of this loss; that of the targets has 1 - weight
  double temperature = 1;  // of both distributions
  explicit operator bool() const { return output != nullptr; }
};

// Scratch of a chunk, [rows of the chunk, ...] each.
struct SoftChunk {
  Tensor d_logits;  // [rows, vocabulary of this rank], in the dtype of the logits
  Tensor scaled;    // [rows, the teacher's d_model]
  Tensor loss;      // [rows]
};
SoftChunk take_soft_chunk(ScratchScope& scratch, const SoftTargets& soft, Tensor logits);

// Adds the cross-entropy of the teacher's distribution and the student's to `sum`, float64 [1], in
// nats and without weight, over the rows whose target is not padding. Returns the gradient of
// context.step.loss_scale * weight * (T^2 cross-entropy + z-loss at the temperature) with respect
// to the logits, which stay unchanged. `first` is the chunk's first row of soft.h.
Tensor soft_loss(const LayerContext& context, const SoftTargets& soft, const SoftChunk& chunk,
                 Tensor sum, Tensor logits, Tensor targets, int64_t first);

}  // namespace sy
