// SPDX-License-Identifier: Apache-2.0
// Cross-entropy over a vocabulary that is sharded over ranks, in two phases (docs/math.md, "Loss").
// Each rank summarises the rows of its logits; the ranks gather these summaries; each then has the
// loss, and the gradient of its logits. Logits are never gathered.
#pragma once

#include "kernels/cross_entropy/logit_z_loss.h"
#include "kernels/vocabulary_shard.h"
#include "lib/base/token_ids.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Float64 numbers per row: the largest logit, the sum of e^(logit - largest), and the logit of the
// target, 0 if another shard has it.
constexpr int64_t kShardNumbers = 3;

// numbers, float64 [rows, kShardNumbers], is overwritten. logits [rows, vocabulary shard] is
// float32 or float64; targets int32 [rows], each an id of the whole vocabulary. Rows whose target
// is padding need not be meaningful. For a target outside the vocabulary the CPU throws
// InternalError, and on CUDA the row's loss and gradient become NaN.
void cross_entropy_shard(Exec& exec, Tensor numbers, Tensor logits, Tensor targets,
                         const VocabularyShard& shard);

// gathered, float64 [shards, rows, kShardNumbers], holds the numbers of all shards; they are
// combined in this order, so every rank gets the same bits. loss [rows] is overwritten with the
// cross-entropy over the whole vocabulary in nats, 0 where the target is padding. d_logits, shaped
// as logits, is overwritten with scale * (softmax - onehot) and may be logits itself, or a bfloat16
// tensor beside float32 logits; empty: no gradient. The z-loss is as in cross_entropy().
void cross_entropy_join(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                        Tensor gathered, const VocabularyShard& shard, double scale,
                        const LogitZLoss& z = {});

// T is d_logits' element type; logits and loss are Compute<T>.
template <Backend, class T>
struct CrossEntropyShardImpl {
  static void numbers(Exec& exec, Tensor numbers, Tensor logits, Tensor targets,
                      const VocabularyShard& shard);
  static void join(Exec& exec, Tensor loss, Tensor d_logits, Tensor logits, Tensor targets,
                   Tensor gathered, const VocabularyShard& shard, double scale,
                   const LogitZLoss& z);
};

}  // namespace sy
