// SPDX-License-Identifier: Apache-2.0
// Cross-entropy with the distribution of a teacher as target (knowledge distillation: Hinton et al.
// 2015; Fedus et al. 2022, section 4.2), both at a temperature T. In two phases, like
// cross_entropy_shard.h and for the same reason: the vocabulary may be sharded over ranks. Each
// rank summarises the rows of its logits; the ranks gather these summaries; each then has the loss
// and its part of the gradient. With one shard the summaries are already whole.
#pragma once

#include "kernels/cross_entropy/logit_z_loss.h"
#include "lib/base/token_ids.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Float64 numbers per row, of the columns of one shard: the student's largest logit z, the sum of
// e^((z - largest) / T), the same two of the teacher's logits t, and the sum of
// e^((t - largest t) / T) * (z - largest z) / T.
constexpr int64_t kSoftNumbers = 5;

// numbers, float64 [rows, kSoftNumbers], is overwritten. logits, of the student, and teacher are
// float32 or float64 [rows, vocabulary shard] and must be finite for the loss to be.
void soft_cross_entropy_shard(Exec& exec, Tensor numbers, Tensor logits, Tensor teacher,
                              double temperature);

struct SoftScale {
  double temperature = 1;
  double gradient = 1;  // factor of T^2 * loss in what is differentiated
  // Coefficient of a z-loss at the temperature, (log of the sum of e^(z / T))^2, which is part of
  // the gradient alone.
  double z = 0;
};

// gathered, float64 [shards, rows, kSoftNumbers], holds the numbers of all shards; they are
// combined in this order, so every rank gets the same bits. loss [rows] is overwritten with the
// cross-entropy of softmax(teacher / T) and softmax(logits / T) over the whole vocabulary, in nats.
// teacher is overwritten with the gradient of the logits, scale.gradient * T *
// ((1 + 2 z log Z) softmax(logits / T) - softmax(teacher / T)). Both are 0 in rows whose target is
// padding. targets int32 [rows].
void soft_cross_entropy_join(Exec& exec, Tensor loss, Tensor teacher, Tensor logits, Tensor targets,
                             Tensor gathered, const SoftScale& scale);

template <Backend, class T>
struct SoftCrossEntropyImpl {
  static void numbers(Exec& exec, Tensor numbers, Tensor logits, Tensor teacher,
                      double temperature);
  static void join(Exec& exec, Tensor loss, Tensor teacher, Tensor logits, Tensor targets,
                   Tensor gathered, const SoftScale& scale);
};

}  // namespace sy
